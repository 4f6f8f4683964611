//! The calls that read and set lists.

#![allow(unsafe_code, reason = "the system's calls take pointers, and nothing safe wraps these")]

use std::ffi::{OsStr, c_void};
use std::fs::File;
use std::io;
use std::os::windows::ffi::OsStrExt;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::path::Path;
use std::ptr::{null, null_mut};

use windows_sys::Win32::Foundation::{
    ERROR_INSUFFICIENT_BUFFER, ERROR_SUCCESS, GENERIC_READ, GENERIC_WRITE, INVALID_HANDLE_VALUE,
    LocalFree,
};
use windows_sys::Win32::Security::Authorization::{
    ConvertStringSecurityDescriptorToSecurityDescriptorW, GetNamedSecurityInfoW, SDDL_REVISION_1,
    SE_FILE_OBJECT,
};
use windows_sys::Win32::Security::{
    ACL, DACL_SECURITY_INFORMATION, GetLengthSid, GetTokenInformation, IsValidSid,
    LookupAccountNameW, PROTECTED_DACL_SECURITY_INFORMATION, PSECURITY_DESCRIPTOR, PSID,
    SECURITY_ATTRIBUTES, SetFileSecurityW, TOKEN_QUERY, TOKEN_USER, TokenUser,
};
use windows_sys::Win32::Storage::FileSystem::{
    CREATE_NEW, CreateFileW, FILE_ATTRIBUTE_NORMAL, FILE_FLAG_OPEN_REPARSE_POINT,
    FILE_SHARE_DELETE, FILE_SHARE_READ, FILE_SHARE_WRITE,
};
use windows_sys::Win32::System::Threading::{GetCurrentProcess, OpenProcessToken};

use crate::{Ace, Sid};

/// The entries of the list of the file or folder at `path`, inherited ones too, in the order in which the
/// system goes through them. `None` when there is no list, so that everybody may do everything.
///
/// # Errors
///
/// When there is nothing at `path`, or its list may not be read.
pub fn dacl(path: &Path) -> io::Result<Option<Vec<Ace>>> {
    let path = wide(path.as_os_str())?;
    let mut list: *mut ACL = null_mut();
    let mut descriptor: PSECURITY_DESCRIPTOR = null_mut();
    // SAFETY: `path` ends with a zero and lives through the call; it writes to the two pointers, which
    // have their types, and to nothing else.
    let code = unsafe {
        GetNamedSecurityInfoW(
            path.as_ptr(),
            SE_FILE_OBJECT,
            DACL_SECURITY_INFORMATION,
            null_mut(),
            null_mut(),
            &raw mut list,
            null_mut(),
            &raw mut descriptor,
        )
    };
    check(code)?;
    let _descriptor = Descriptor(descriptor);
    if list.is_null() {
        return Ok(None);
    }
    // SAFETY: it points into the descriptor, which is still held, and to a whole list: the head says how
    // many bytes there are.
    let bytes = unsafe { std::slice::from_raw_parts(list.cast::<u8>(), (*list).AclSize.into()) };
    Ace::all_of(bytes).map(Some).map_err(io::Error::other)
}

/// The user as whom this process runs.
///
/// # Errors
///
/// When the system does not say so.
pub fn current_user() -> io::Result<Sid> {
    let mut token = null_mut();
    // SAFETY: it writes one handle, which is for us to close.
    let token = unsafe {
        succeeded(OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &raw mut token))?;
        OwnedHandle::from_raw_handle(token)
    };
    // A number of 8 bytes has the alignment of what is written there.
    let mut buffer = vec![0_u64; 32];
    let mut needed = size_of_val(buffer.as_slice()) as u32;
    loop {
        let (start, size) = (buffer.as_mut_ptr().cast::<c_void>(), needed);
        // SAFETY: `size` is not more than what the buffer has, and no more is written.
        let done = unsafe {
            GetTokenInformation(token.as_raw_handle(), TokenUser, start, size, &raw mut needed)
        };
        match succeeded(done) {
            Ok(()) => break,
            Err(error) if is_too_small(&error) && needed > size => {
                buffer.resize(needed.div_ceil(8) as usize, 0);
            }
            Err(error) => return Err(error),
        }
    }
    // SAFETY: what was asked for is a `TOKEN_USER`, and it is there; its pointer leads into the buffer.
    unsafe { copy((*buffer.as_ptr().cast::<TOKEN_USER>()).User.Sid) }
}

/// The user or group called `name`, here or as `DOMAIN\name`.
///
/// # Errors
///
/// When there is none.
pub fn sid_of_account(name: &str) -> io::Result<Sid> {
    let name = wide(name.as_ref())?;
    // The largest identifier, and a domain that is longer than any; both grow if that was wrong.
    let (mut sid, mut domain) = (vec![0_u32; 17], vec![0_u16; 256]);
    loop {
        let (mut sid_size, mut domain_size) = (4 * sid.len() as u32, domain.len() as u32);
        let mut kind = 0;
        // SAFETY: `name` ends with a zero; both buffers have the sizes that are given, and no more is
        // written to them.
        let done = unsafe {
            LookupAccountNameW(
                null(),
                name.as_ptr(),
                sid.as_mut_ptr().cast(),
                &raw mut sid_size,
                domain.as_mut_ptr(),
                &raw mut domain_size,
                &raw mut kind,
            )
        };
        match succeeded(done) {
            // SAFETY: the call wrote an identifier there.
            Ok(()) => return unsafe { copy(sid.as_mut_ptr().cast()) },
            Err(error)
                if is_too_small(&error)
                    && (sid_size > 4 * sid.len() as u32 || domain_size > domain.len() as u32) =>
            {
                sid.resize((sid_size.div_ceil(4) as usize).max(sid.len()), 0);
                domain.resize((domain_size as usize).max(domain.len()), 0);
            }
            Err(error) => return Err(error),
        }
    }
}

/// Makes a file at `path` that this user and the system can open and nobody else, whatever the folder would
/// have it inherit. It is open for reading and writing.
///
/// # Errors
///
/// [`io::ErrorKind::AlreadyExists`] when something is there, and any other when it can't be made.
pub fn create_owner_only(path: &Path) -> io::Result<File> {
    let path = wide(path.as_os_str())?;
    let descriptor = Descriptor::parse(&owner_only()?)?;
    let attributes = SECURITY_ATTRIBUTES {
        nLength: size_of::<SECURITY_ATTRIBUTES>() as u32,
        lpSecurityDescriptor: descriptor.0,
        bInheritHandle: 0,
    };
    // SAFETY: `path` ends with a zero, and it, the attributes and the descriptor live through the call.
    let handle = unsafe {
        CreateFileW(
            path.as_ptr(),
            GENERIC_READ | GENERIC_WRITE,
            // As the standard library does, so that it can be renamed while it is open.
            FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
            &raw const attributes,
            CREATE_NEW,
            FILE_ATTRIBUTE_NORMAL | FILE_FLAG_OPEN_REPARSE_POINT,
            null_mut(),
        )
    };
    if handle == INVALID_HANDLE_VALUE {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it was opened just now, and nothing else has it.
    Ok(unsafe { OwnedHandle::from_raw_handle(handle) }.into())
}

/// Lets this user and the system do everything with the file at `path`, and nobody else anything.
///
/// # Errors
///
/// When there is no such file, or its list may not be changed.
pub fn set_owner_only(path: &Path) -> io::Result<()> {
    set(path, &owner_only()?)
}

/// Lets an agent's user run the file at `path`, and the system and administrators do everything with it; nobody
/// else has any right, and nothing is inherited. It is what `icacls PATH /inheritance:r /grant:r *S-1-5-18:F
/// *S-1-5-32-544:F AGENT:RX` does.
///
/// # Errors
///
/// When there is no such file, or its list may not be changed.
pub fn set_for_agent(path: &Path, agent: &Sid) -> io::Result<()> {
    set(path, &format!("D:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;0x1200a9;;;{agent})"))
}

/// The list as text: protected from what a folder hands down, full access twice.
fn owner_only() -> io::Result<String> {
    let user = current_user()?;
    Ok(format!("O:{user}D:P(A;;FA;;;{user})(A;;FA;;;SY)"))
}

/// Replaces the list of the file at `path`. Its owner stays.
fn set(path: &Path, text: &str) -> io::Result<()> {
    let path = wide(path.as_os_str())?;
    let descriptor = Descriptor::parse(text)?;
    let what = DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION;
    // SAFETY: `path` ends with a zero, and it and the descriptor live through the call.
    //
    // Not SetNamedSecurityInfoW, which hands lists down to what is in a folder, and under wine 8 adds what
    // the folder hands down to a protected list, too.
    succeeded(unsafe { SetFileSecurityW(path.as_ptr(), what, descriptor.0) })
}

/// A security descriptor in memory of the system's, or none.
struct Descriptor(PSECURITY_DESCRIPTOR);

impl Descriptor {
    fn parse(text: &str) -> io::Result<Self> {
        let text = wide(text.as_ref())?;
        let mut descriptor = Self(null_mut());
        // SAFETY: `text` ends with a zero; one pointer is written, to memory that is for us to free.
        succeeded(unsafe {
            ConvertStringSecurityDescriptorToSecurityDescriptorW(
                text.as_ptr(),
                SDDL_REVISION_1,
                &raw mut descriptor.0,
                null_mut(),
            )
        })?;
        Ok(descriptor)
    }
}

impl Drop for Descriptor {
    fn drop(&mut self) {
        // SAFETY: the system allocated it for us to free, nobody else has it, and a null pointer is taken.
        unsafe { LocalFree(self.0) };
    }
}

/// Copies the identifier that `sid` points to.
///
/// # Safety
///
/// It points to memory that can be read as far as an identifier that begins there goes.
unsafe fn copy(sid: PSID) -> io::Result<Sid> {
    // SAFETY: as the caller promises; how many bytes there are is asked only of a valid one.
    let bytes = unsafe {
        if IsValidSid(sid) == 0 {
            return Err(io::ErrorKind::InvalidData.into());
        }
        std::slice::from_raw_parts(sid.cast::<u8>(), GetLengthSid(sid) as usize)
    };
    Sid::from_bytes(bytes).map_err(io::Error::other)
}

/// Text with a zero behind it, as these calls take it. One within it would cut it off.
fn wide(text: &OsStr) -> io::Result<Vec<u16>> {
    let mut text: Vec<u16> = text.encode_wide().collect();
    if text.contains(&0) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    text.push(0);
    Ok(text)
}

/// For calls that answer an error's number.
fn check(code: u32) -> io::Result<()> {
    if code == ERROR_SUCCESS { Ok(()) } else { Err(io::Error::from_raw_os_error(code as i32)) }
}

/// For calls that answer whether they succeeded, and leave the error's number elsewhere.
fn succeeded(done: i32) -> io::Result<()> {
    if done == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn is_too_small(error: &io::Error) -> bool {
    error.raw_os_error() == Some(ERROR_INSUFFICIENT_BUFFER as i32)
}
