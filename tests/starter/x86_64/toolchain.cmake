# Kernel code: 64-bit, in the last 2 GiB, interrupts anywhere, no vector registers.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
if(NOT CMAKE_C_COMPILER)
    set(CMAKE_C_COMPILER gcc)
endif()
set(CMAKE_ASM_COMPILER gcc)
string(JOIN " " CMAKE_C_FLAGS_INIT
    -fno-pic -fno-pie -mno-red-zone -mgeneral-regs-only -mcmodel=kernel
    -fno-stack-protector -fcf-protection=none -fno-asynchronous-unwind-tables)
