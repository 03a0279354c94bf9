# libmayfly, shared and static, from the rooms that are there when this is read: those that it is made of.

get_property(libmayfly_libraries GLOBAL PROPERTY MAYFLY_ROOM_LIBRARIES)
list(REMOVE_DUPLICATES libmayfly_libraries)

set(libmayfly_objects
    $<TARGET_OBJECTS:mayfly_base> $<TARGET_OBJECTS:mayfly_proto> $<TARGET_OBJECTS:mayfly_rpc>
    $<TARGET_OBJECTS:mayfly_net> $<TARGET_OBJECTS:mayfly_client>)
foreach(kind SHARED STATIC)
    string(TOLOWER ${kind} suffix)
    add_library(libmayfly_${suffix} ${kind} ${libmayfly_objects})
    target_link_libraries(libmayfly_${suffix} PRIVATE ${libmayfly_libraries} PkgConfig::protobuf_c)
    set_target_properties(libmayfly_${suffix} PROPERTIES OUTPUT_NAME mayfly)
endforeach()
set_target_properties(libmayfly_shared PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION 0)
mayfly_lto(libmayfly_shared)
