// SPDX-License-Identifier: Apache-2.0
//
// DashMap with ahash behind C functions that run whole batches, so that no call between languages is measured.
//
// Two tables, as in the benchmark's other subjects: values that are borrowed under the shard's lock (Box<[u8]>), and
// values of which a counted reference is taken (Arc<[u8]>).
//
// SAFETY of all functions: `map` is what peer_make_... returned and lives until peer_free_...; `keys` points to `count`
// keys, `payload` to `bytes` bytes.

use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::slice;
use std::sync::Arc;

use ahash::AHasher;
use dashmap::DashMap;

#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Key {
    high: u64,
    low: u64,
}

impl Hash for Key {
    #[inline(always)]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.high);
        state.write_u64(self.low);
    }
}

type Fast = BuildHasherDefault<AHasher>;
type Borrowed = DashMap<Key, Box<[u8]>, Fast>;
type Counted = DashMap<Key, Arc<[u8]>, Fast>;

#[no_mangle]
pub extern "C" fn peer_make_borrowed(capacity: usize) -> *mut Borrowed {
    Box::into_raw(Box::new(DashMap::with_capacity_and_hasher(capacity, Fast::default())))
}

#[no_mangle]
pub extern "C" fn peer_make_counted(capacity: usize) -> *mut Counted {
    Box::into_raw(Box::new(DashMap::with_capacity_and_hasher(capacity, Fast::default())))
}

#[no_mangle]
pub unsafe extern "C" fn peer_free_borrowed(map: *mut Borrowed) {
    drop(Box::from_raw(map));
}

#[no_mangle]
pub unsafe extern "C" fn peer_free_counted(map: *mut Counted) {
    drop(Box::from_raw(map));
}

/// Looks every key up and reads its first byte while the shard is locked for reading. Returns the bytes' sum.
#[no_mangle]
pub unsafe extern "C" fn peer_get_borrowed(map: *const Borrowed, keys: *const Key, count: usize) -> u64 {
    let map = &*map;
    let mut sum = 0;
    for key in slice::from_raw_parts(keys, count) {
        if let Some(value) = map.get(key) {
            sum += u64::from(value[0]);
        }
    }
    sum
}

/// Takes a reference to every value and reads its first byte through that.
#[no_mangle]
pub unsafe extern "C" fn peer_get_counted(map: *const Counted, keys: *const Key, count: usize) -> u64 {
    let map = &*map;
    let mut sum = 0;
    for key in slice::from_raw_parts(keys, count) {
        let found = map.get(key).map(|value| Arc::clone(value.value()));
        if let Some(value) = found {
            sum += u64::from(value[0]);
        }
    }
    sum
}

/// Stores `payload` under every key, a copy each; the first byte is the key's.
#[no_mangle]
pub unsafe extern "C" fn peer_set_borrowed(
    map: *const Borrowed,
    keys: *const Key,
    count: usize,
    payload: *const u8,
    bytes: usize,
) {
    let map = &*map;
    let payload = slice::from_raw_parts(payload, bytes);
    for key in slice::from_raw_parts(keys, count) {
        let mut value: Box<[u8]> = payload.into();
        value[0] = key.low as u8;
        map.insert(*key, value);
    }
}

/// The same for counted values.
#[no_mangle]
pub unsafe extern "C" fn peer_set_counted(
    map: *const Counted,
    keys: *const Key,
    count: usize,
    payload: *const u8,
    bytes: usize,
) {
    let map = &*map;
    let payload = slice::from_raw_parts(payload, bytes);
    for key in slice::from_raw_parts(keys, count) {
        let mut value: Arc<[u8]> = payload.into();
        if let Some(own) = Arc::get_mut(&mut value) {
            own[0] = key.low as u8;
        }
        map.insert(*key, value);
    }
}
