# What is shipped beside libmayfly: the command `mayfly`, and the files that let others build on them.

get_property(room_libraries GLOBAL PROPERTY MAYFLY_ROOM_LIBRARIES)
list(REMOVE_DUPLICATES room_libraries)

# Every room in one archive, for the command and the tests.
add_library(mayfly_rooms STATIC
    $<TARGET_OBJECTS:mayfly_base> $<TARGET_OBJECTS:mayfly_proto> $<TARGET_OBJECTS:mayfly_rpc>
    $<TARGET_OBJECTS:mayfly_net> $<TARGET_OBJECTS:mayfly_store> $<TARGET_OBJECTS:mayfly_server>
    $<TARGET_OBJECTS:mayfly_client> $<TARGET_OBJECTS:mayfly_bench>)
target_link_libraries(mayfly_rooms PUBLIC ${room_libraries} PkgConfig::protobuf_c)

# Programs of ours bring their allocator, but for sanitizers, which have their own.
add_library(mayfly_allocator OBJECT cmake/allocator.c)
target_compile_options(mayfly_allocator PRIVATE ${MAYFLY_WARNINGS})
set(allocator)
if(NOT MAYFLY_SANITIZE)
    set(allocator $<TARGET_OBJECTS:mayfly_allocator> PkgConfig::jemalloc)
endif()

add_executable(mayfly $<TARGET_OBJECTS:mayfly_cli>)
target_link_libraries(mayfly PRIVATE mayfly_rooms ${allocator})
mayfly_lto(mayfly)

# mayfly_bench_program(NAME SEES ROOM... LIBRARIES LIBRARY...): bench/NAME.c, for bench/run.py.
function(mayfly_bench_program NAME)
    cmake_parse_arguments(PARSE_ARGV 1 PROGRAM "" "" "SEES;LIBRARIES")
    add_executable(${NAME} bench/${NAME}.c)
    target_compile_options(${NAME} PRIVATE ${MAYFLY_WARNINGS})
    target_compile_definitions(${NAME} PRIVATE _GNU_SOURCE)
    target_include_directories(${NAME} PRIVATE ${PROJECT_SOURCE_DIR}/include)
    foreach(room IN LISTS PROGRAM_SEES)
        target_include_directories(${NAME} PRIVATE ${PROJECT_BINARY_DIR}/rooms/${room})
    endforeach()
    target_link_libraries(${NAME} PRIVATE ${PROGRAM_LIBRARIES})
    mayfly_lto(${NAME})
endfunction()

# The store by itself; topics under load, mayfly's and Redis's; the floor of a request's latency; a program that begins.
mayfly_bench_program(store_memory SEES base store LIBRARIES mayfly_rooms ${allocator})
mayfly_bench_program(pubsub SEES base LIBRARIES mayfly_rooms)
mayfly_bench_program(echo SEES base LIBRARIES mayfly_rooms)
mayfly_bench_program(first_reply LIBRARIES libmayfly_shared)

install(TARGETS mayfly libmayfly_shared libmayfly_static
    RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR}
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
# What the optimiser left for itself in the archive is of use to the same version of gcc alone, and breaks others.
if(MAYFLY_LTO)
    install(CODE "execute_process(COMMAND \"${CMAKE_OBJCOPY}\" --wildcard --remove-section=.gnu.lto_*
        \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_LIBDIR}/libmayfly.a\" COMMAND_ERROR_IS_FATAL ANY)")
endif()
install(DIRECTORY include/mayfly DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES docs/mayfly.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES docs/libmayfly.3 DESTINATION ${CMAKE_INSTALL_MANDIR}/man3)

# Relative to where it lies, so that what is installed can be moved, as with the CMake package below.
file(RELATIVE_PATH pc_to_prefix ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
if(MAYFLY_NGHTTP2)
    set(pc_nghttp2 "libnghttp2 ")
endif()
configure_file(cmake/mayfly.pc.in ${PROJECT_BINARY_DIR}/mayfly.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/mayfly.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

include(CMakePackageConfigHelpers)
configure_package_config_file(cmake/mayflyConfig.cmake.in ${PROJECT_BINARY_DIR}/mayflyConfig.cmake
    PATH_VARS CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_LIBDIR
    INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/mayfly)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/mayflyConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/mayflyConfig.cmake ${PROJECT_BINARY_DIR}/mayflyConfigVersion.cmake
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/mayfly)
