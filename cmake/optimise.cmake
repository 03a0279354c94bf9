# What optimised builds with gcc do beyond -O3; docs/performance.md has what it brings.
#
# MAYFLY_LTO optimises across files. A request passes through many small functions of several rooms, and without this a
# third of its instructions is spent on calling them. mayfly_lto(TARGET) links a target so: it is for what is shipped and
# what is measured. Objects carry machine code as well, for tests, which link quickly that way, and for libmayfly.a as it
# is installed.
#
# Structures of some hundred bytes are cleared with plain stores; the instruction that gcc would use for them takes longer
# to begin than to do it.

set(is_optimised OFF)
if(CMAKE_C_COMPILER_ID STREQUAL GNU AND CMAKE_BUILD_TYPE MATCHES "^Rel" AND NOT MAYFLY_SANITIZE)
    set(is_optimised ON)
endif()
option(MAYFLY_LTO "Optimise what is shipped across files (gcc only)" ${is_optimised})

set(MAYFLY_ROOM_OPTIONS)
if(MAYFLY_LTO)
    list(APPEND MAYFLY_ROOM_OPTIONS -flto -ffat-lto-objects)
endif()
if(is_optimised AND CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
    list(APPEND MAYFLY_ROOM_OPTIONS -mmemset-strategy=unrolled_loop:512:noalign,libcall:-1:noalign)
endif()

function(mayfly_lto TARGET)
    if(MAYFLY_LTO)
        target_link_options(${TARGET} PRIVATE -flto=auto)
    endif()
endfunction()
