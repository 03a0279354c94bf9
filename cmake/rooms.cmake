# One target a room. A room's files are reached as "room/file.h" through a directory that holds this room
# alone, so a file can only include what its target was told that it may see; a forbidden include does not build.

set(MAYFLY_WARNINGS
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wstrict-prototypes
    -Wmissing-prototypes -Wpointer-arith -Wcast-qual -Wwrite-strings -Wvla -Wundef -Wformat=2 -Werror)

if(MAYFLY_SANITIZE)
    add_compile_options(-fsanitize=${MAYFLY_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    add_link_options(-fsanitize=${MAYFLY_SANITIZE})
endif()

# mayfly_room(NAME [SEES rooms...] [LIBRARIES targets...] [WITHOUT folders...])
function(mayfly_room NAME)
    cmake_parse_arguments(ROOM "" "" "SEES;LIBRARIES;WITHOUT" ${ARGN})

    set(door ${PROJECT_BINARY_DIR}/rooms/${NAME})
    file(MAKE_DIRECTORY ${door})
    file(CREATE_LINK ${PROJECT_SOURCE_DIR}/src/${NAME} ${door}/${NAME} SYMBOLIC)

    file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${NAME}/*.c)
    foreach(folder ${ROOM_WITHOUT})
        list(FILTER sources EXCLUDE REGEX "/src/${NAME}/${folder}/")
    endforeach()
    add_library(mayfly_${NAME} OBJECT ${sources})
    target_compile_options(mayfly_${NAME} PRIVATE ${MAYFLY_WARNINGS} ${MAYFLY_ROOM_OPTIONS})
    target_compile_definitions(mayfly_${NAME} PRIVATE _GNU_SOURCE MAYFLY_VERSION="${PROJECT_VERSION}")
    target_include_directories(mayfly_${NAME} PUBLIC ${door})
    if(NAME STREQUAL client)
        target_include_directories(mayfly_client PUBLIC ${PROJECT_SOURCE_DIR}/include)
    endif()
    foreach(room ${ROOM_SEES})
        target_link_libraries(mayfly_${NAME} PRIVATE mayfly_${room})
    endforeach()
    target_link_libraries(mayfly_${NAME} PRIVATE ${ROOM_LIBRARIES})
    set_property(GLOBAL APPEND PROPERTY MAYFLY_ROOM_LIBRARIES ${ROOM_LIBRARIES})
endfunction()
