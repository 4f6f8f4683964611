/* What Rust's standard library gets random bytes from, and wine does not have before version 9. It stands in
   for that in tests alone: Windows has one of its own. */

#include <windows.h>
#include <ntsecapi.h>

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE bytes, SIZE_T size)
{
    while (size > 0) {
        ULONG part = size < 0x1000000 ? (ULONG)size : 0x1000000;
        if (!RtlGenRandom(bytes, part))
            return FALSE;
        bytes += part;
        size -= part;
    }
    return TRUE;
}
