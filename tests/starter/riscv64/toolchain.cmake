# A cross compiler, without its library.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR riscv64)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_C_COMPILER riscv64-linux-gnu-gcc)
set(CMAKE_ASM_COMPILER riscv64-linux-gnu-gcc)
string(JOIN " " CMAKE_C_FLAGS_INIT
    -march=rv64gc -mabi=lp64d -mcmodel=medany -fno-pic -fno-pie
    -fno-stack-protector -fno-asynchronous-unwind-tables)
