// SPDX-License-Identifier: Apache-2.0
//
// CRC-32C (Castagnoli polynomial 0x1EDC6F41, reflected; RFC 3720 appendix B.4): the checksum of what tiers store. It
// finds damage; it is no defence against somebody who may write there.
#pragma once
#include <stddef.h>
#include <stdint.h>

/// The checksum of `crc`'s bytes followed by `count` bytes; begin with 0. By the SSE4.2 instruction where the processor
/// has it, three streams side by side; else by tables.
uint32_t platform_crc32c(uint32_t crc, const void *_Nullable bytes, size_t count);

/// The same by tables, on every processor.
uint32_t platform_crc32c_by_table(uint32_t crc, const void *_Nullable bytes, size_t count);
