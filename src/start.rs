//! The first instructions of the static binary, when it is linked with `-e secretary_start`.
//!
//! The binary is placed at a random address, so the pointers in its constants are made right at its
//! start. That touches each page of them for the first time, and the page faults are a good part
//! of a short run. One system call brings all writable pages in together, and another
//! one those of the stack that the command line's parser is about to use. A kernel that does not know
//! them, before Linux 5.14, answers with an error and nothing is lost.

#![allow(unsafe_code)]

// Nothing is relocated yet and no thread is set up, so no code of Rust's can run here. This looks for
// the PT_GNU_RELRO header, where the writable pages begin, calls madvise(2) twice and goes on where the
// program would have started, with the registers that matter there as they were: %rsp, and %rdx, which
// is zero in a static program.
std::arch::global_asm!(
    ".pushsection .text.secretary_start,\"ax\",@progbits",
    ".globl secretary_start",
    ".type secretary_start,@function",
    "secretary_start:",
    "lea r8, [rip + __ehdr_start]",
    "movzx ecx, word ptr [r8 + 0x38]", // e_phnum
    "mov rax, [r8 + 0x20]",            // e_phoff
    "add rax, r8",
    "2: cmp dword ptr [rax], 0x6474e552", // p_type is PT_GNU_RELRO
    "je 3f",
    "add rax, 0x38", // a header's size
    "dec ecx",
    "jnz 2b",
    "jmp 4f",
    "3: mov rdi, [rax + 0x10]", // p_vaddr
    "add rdi, r8",
    "and rdi, -0x1000",
    "lea rsi, [rip + _end]",
    "sub rsi, rdi",
    "mov edx, 23", // MADV_POPULATE_WRITE
    "mov eax, 28", // madvise
    "syscall",
    "mov rdi, rsp",
    "and rdi, -0x1000",
    "sub rdi, 0x8000", // 32 of the 128 KiB that Linux gives at first
    "mov esi, 0x8000",
    "mov edx, 23",
    "mov eax, 28",
    "syscall",
    "4: xor edx, edx",
    "jmp _start",
    ".popsection",
);
