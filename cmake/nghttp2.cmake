# The HTTP/2 engine on nghttp2, by which ours is measured: for tests and fuzzers that compare the two, and, with
# MAYFLY_NGHTTP2, in place of ours. What is shipped has nothing of it.

if(NOT (MAYFLY_TESTS OR MAYFLY_FUZZ OR MAYFLY_NGHTTP2))
    return()
endif()
pkg_check_modules(nghttp2 REQUIRED IMPORTED_TARGET libnghttp2>=1.52)

file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/rpc/nghttp2/*.c)
add_library(mayfly_nghttp2_objects OBJECT ${sources})
target_compile_options(mayfly_nghttp2_objects PRIVATE ${MAYFLY_WARNINGS})
target_compile_definitions(mayfly_nghttp2_objects PRIVATE _GNU_SOURCE)
target_link_libraries(mayfly_nghttp2_objects PRIVATE mayfly_base mayfly_rpc PkgConfig::nghttp2)

add_library(mayfly_nghttp2 INTERFACE)
target_link_libraries(mayfly_nghttp2 INTERFACE PkgConfig::nghttp2)
target_sources(mayfly_nghttp2 INTERFACE $<TARGET_OBJECTS:mayfly_nghttp2_objects>)

if(MAYFLY_NGHTTP2)
    target_compile_definitions(mayfly_rpc PRIVATE MAYFLY_ON_NGHTTP2)
endif()
