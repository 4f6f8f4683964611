//! What a statically linked program takes from the GNU C library without ever using it.
//!
//! The library's own start refers to its assertions, they print through `stdio`, that converts wide
//! characters, and its errors are translated: half a megabyte for messages that nobody is meant to see.
//! In the small program, which has no C code but the library's and ends at a panic, definitions here come
//! first, so the linker leaves the library's out. They are weak: where the library's own is needed after
//! all, it wins. Nothing of it changes what the program does, except that a panic has no list of calls.
//!
//! In every static program one question is not answered, where the stack ends: see below.

#![allow(unsafe_code)]

use std::arch::global_asm;
use std::ffi::c_int;

/// Makes `$name` a weak symbol of a function that goes on in `$function`.
macro_rules! weak {
    ($($name:literal => $function:path;)*) => {$(
        global_asm!(
            concat!(".pushsection .text.", $name, ",\"ax\",@progbits"),
            concat!(".weak ", $name),
            concat!(".type ", $name, ",@function"),
            concat!($name, ":"),
            #[cfg(target_arch = "x86_64")]
            "jmp {}",
            #[cfg(target_arch = "aarch64")]
            "b {}",
            ".popsection",
            sym $function,
        );
    )*};
}

weak! {
    "pthread_getattr_np" => no_attributes;
}

/// Rust asks where the stack ends, to tell an overflow from other faults; the C library would read and
/// parse a list of all mappings to answer, at every start. Without an answer a stack overflow
/// ends the program all the same, but without Rust's message.
extern "C" fn no_attributes() -> c_int {
    libc::ENOSYS
}

#[cfg(all(panic = "abort", not(feature = "aws")))]
mod small {
    use std::ffi::{CStr, c_char, c_long};

    use super::*;

    weak! {
        "__strerror_r" => strerror_r;
        "__xpg_strerror_r" => xpg_strerror_r;
        "__assert_fail" => never_called;
        // Fills in tables of letters, which are not there.
        "__ctype_init" => nothing;
        // Allocation has functions that print statistics, and nobody calls them.
        "fprintf" => never_called;
        "_IO_fputs" => never_called;
        "fwrite" => never_called;
        // Numbers of processors and pages, as the kernel writes them.
        "strtol" => parse_number;
        "strtoul" => parse_number;
        // Unwinding.
        "__gcc_personality_v0" => never_called;
        "_Unwind_DeleteException" => never_called;
        "_Unwind_FindEnclosingFunction" => never_called;
        "_Unwind_GetCFA" => never_called;
        "_Unwind_GetDataRelBase" => never_called;
        "_Unwind_GetIP" => never_called;
        "_Unwind_GetIPInfo" => never_called;
        "_Unwind_GetLanguageSpecificData" => never_called;
        "_Unwind_GetRegionStart" => never_called;
        "_Unwind_GetTextRelBase" => never_called;
        "_Unwind_RaiseException" => never_called;
        "_Unwind_Resume" => never_called;
        "_Unwind_SetGR" => never_called;
        "_Unwind_SetIP" => never_called;
    }

    global_asm!(
        ".pushsection .bss.stdio,\"aw\",@nobits",
        ".weak stdin, stdout, stderr",
        ".balign 8",
        "stdin: stdout: stderr:",
        ".zero 8",
        ".popsection",
    );

    extern "C" fn nothing() {}

    extern "C" fn never_called() -> ! {
        std::process::abort()
    }

    unsafe extern "C" {
        fn strerrordesc_np(number: c_int) -> *const c_char;
    }

    /// What an error number means, without a translation, which would be looked for in files.
    extern "C" fn strerror_r(number: c_int, _: *mut c_char, _: usize) -> *const c_char {
        // SAFETY: it looks a number up in a table, and answers null when it is not there.
        let text = unsafe { strerrordesc_np(number) };
        if text.is_null() { c"Unknown error".as_ptr() } else { text }
    }

    /// The same, copied to the caller's memory.
    ///
    /// # Safety
    ///
    /// `buffer` has room for `length` bytes.
    unsafe extern "C" fn xpg_strerror_r(
        number: c_int,
        buffer: *mut c_char,
        length: usize,
    ) -> c_int {
        let Some(room) = length.checked_sub(1) else { return libc::ERANGE };
        let text = strerror_r(number, buffer, length);
        // SAFETY: the text ends with a NUL byte and stays for ever; there is room by the caller's word.
        unsafe {
            let text = CStr::from_ptr(text).to_bytes();
            let count = text.len().min(room);
            buffer.copy_from_nonoverlapping(text.as_ptr().cast(), count);
            buffer.add(count).write(0);
        }
        0
    }

    /// Walks no calls: it says that the end is reached. The optimizer sees that, unlike a weak
    /// symbol's code, and leaves out what would have looked names up in debugging information.
    #[unsafe(no_mangle)]
    extern "C" fn _Unwind_Backtrace() -> c_int {
        const END_OF_STACK: c_int = 5;
        END_OF_STACK
    }

    /// Reads decimal digits, which is all that the kernel writes.
    ///
    /// # Safety
    ///
    /// `text` ends with a NUL byte, and `end` is null or can be written to.
    unsafe extern "C" fn parse_number(
        text: *const c_char,
        end: *mut *const c_char,
        _: c_int,
    ) -> c_long {
        let (mut number, mut rest) = (0 as c_long, text);
        // SAFETY: the last byte is no digit, so what is read is inside of the text.
        unsafe {
            while (*rest as u8).is_ascii_digit() {
                number = number.wrapping_mul(10).wrapping_add(c_long::from(*rest as u8 - b'0'));
                rest = rest.add(1);
            }
            if !end.is_null() {
                *end = rest;
            }
        }
        number
    }
}
