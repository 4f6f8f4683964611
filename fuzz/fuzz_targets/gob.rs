//! No body of a KMS token makes decoding panic or take memory, and what is decoded is encoded again.
#![no_main]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use libfuzzer_sys::fuzz_target;
use secretary_envelope::{Damage, gob};

/// The system's allocator, with a count of the bytes in use and of the most there ever were.
struct Counting;

static IN_USE: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

fn taken(bytes: usize) {
    MOST.fetch_max(IN_USE.fetch_add(bytes, Relaxed) + bytes, Relaxed);
}

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        taken(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size(), Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }

    /// Both blocks count, because there may be two of them for a while.
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        taken(size);
        IN_USE.fetch_sub(layout.size(), Relaxed);
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fuzz_target!(|input: &[u8]| {
    let Some(payload) = decode_in_little_memory(input) else { return };
    let (wrapped_key, message) = (&input[payload.wrapped_key], &input[payload.message]);
    assert!(message.len() >= gob::SHORTEST_MESSAGE);

    let encoded = gob::encode(wrapped_key, &payload.nonce, message);
    let again = decode_in_little_memory(&encoded).expect("what was encoded is decoded");
    assert_eq!(&encoded[again.wrapped_key.clone()], wrapped_key);
    assert_eq!(again.nonce, payload.nonce);
    assert_eq!(&encoded[again.message.clone()], message);
    let twice = gob::encode(&encoded[again.wrapped_key], &again.nonce, &encoded[again.message]);
    assert_eq!(twice, encoded);
});

/// Definitions and nested values need memory, four times the body and a mebibyte of it at the most.
fn decode_in_little_memory(body: &[u8]) -> Option<gob::Payload> {
    let before = IN_USE.load(Relaxed);
    MOST.store(before, Relaxed);
    let decoded = gob::decode(body);
    let needed = MOST.load(Relaxed) - before;
    assert!(needed <= 4 * body.len() + (1 << 20), "{needed} bytes for {}", body.len());
    if let Err(damage) = decoded {
        assert_eq!(damage, Damage::NotGob);
    }
    decoded.ok()
}
