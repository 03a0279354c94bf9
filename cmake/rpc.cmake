# The room rpc, with our HTTP/2 engine, and beside it the one on nghttp2, by which ours is measured: mayfly_nghttp2 is for
# tests and fuzzers that compare the two. With MAYFLY_NGHTTP2 it is in the room and takes the place of ours; what is
# shipped has nothing of it.

if(MAYFLY_TESTS OR MAYFLY_FUZZ OR MAYFLY_NGHTTP2)
    pkg_check_modules(nghttp2 REQUIRED IMPORTED_TARGET libnghttp2>=1.52)
endif()

add_library(mayfly_nghttp2 INTERFACE)
if(MAYFLY_NGHTTP2)
    mayfly_room(rpc SEES base LIBRARIES PkgConfig::nghttp2)
    target_compile_definitions(mayfly_rpc PRIVATE MAYFLY_ON_NGHTTP2)
    return()
endif()

mayfly_room(rpc SEES base WITHOUT nghttp2)
if(MAYFLY_TESTS OR MAYFLY_FUZZ)
    file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/rpc/nghttp2/*.c)
    add_library(mayfly_nghttp2_objects OBJECT ${sources})
    target_compile_options(mayfly_nghttp2_objects PRIVATE ${MAYFLY_WARNINGS})
    target_compile_definitions(mayfly_nghttp2_objects PRIVATE _GNU_SOURCE)
    target_link_libraries(mayfly_nghttp2_objects PRIVATE mayfly_base mayfly_rpc PkgConfig::nghttp2)
    target_sources(mayfly_nghttp2 INTERFACE $<TARGET_OBJECTS:mayfly_nghttp2_objects>)
    target_link_libraries(mayfly_nghttp2 INTERFACE PkgConfig::nghttp2)
endif()
