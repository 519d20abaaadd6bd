"""Floor 3: from symbols to the text of native kernels (LLVM IR). Compiles nothing and runs nothing."""
