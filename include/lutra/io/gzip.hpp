// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#include <lutra/io/file.hpp>

#if LUTRA_USE_ZLIB
    #include <zlib.h>
#endif

namespace lutra {

/// Whether @p bytes start as a gzip file does (RFC 1952).
[[nodiscard]] inline bool is_gzip(std::span<const std::byte> bytes) noexcept {
    return bytes.size() >= 2 && bytes[0] == std::byte{0x1f} && bytes[1] == std::byte{0x8b};
}

#if LUTRA_USE_ZLIB
namespace detail {

/// The two directions of a z_stream, closed whatever happens.
template <int (*End)(z_streamp)>
struct zlib_stream : z_stream {
    zlib_stream() : z_stream{} {}
    zlib_stream(const zlib_stream&) = delete;
    zlib_stream& operator=(const zlib_stream&) = delete;
    ~zlib_stream() { End(this); }
};
inline constexpr int gzip_window = 15 + 16;         // the largest window; 16 asks zlib for gzip's header and trailer
inline constexpr std::size_t zlib_piece = 1u << 30; // zlib counts in unsigned int

[[nodiscard]] inline unsigned char* zlib_pointer(const std::byte* p) noexcept {
    return reinterpret_cast<unsigned char*>(const_cast<std::byte*>(p)); // zlib reads next_in only, without saying const
}

} // namespace detail
#endif

/// What the gzip file @p bytes holds: all members, one after the other, each with its checksum verified. Zero bytes
/// after the last member are padding.
///
/// Errors: `truncated` in the middle of a member; `malformed` for a wrong header, stream or checksum and for anything
/// but zeros after the end; `wrong_size` once more than @p max_bytes come out (so a bomb costs no more memory than
/// that); `unsupported` where the build has no zlib. Offsets count compressed bytes.
[[nodiscard]] LUTRA_INLINE result<std::vector<std::byte>> gunzip(std::span<const std::byte> bytes,
                                                                 std::uint64_t max_bytes = default_max_bytes) {
    if (bytes.size() < 2)
        return detail::fault(error_code::truncated, 0, "a gzip file starts with 0x1f8b; got ", bytes.size(), " bytes");
    if (!is_gzip(bytes))
        return detail::fault(error_code::malformed, 0, "a gzip file starts with 0x1f8b; got ",
                             detail::hex(std::to_integer<unsigned>(bytes[0]) << 8 | std::to_integer<unsigned>(bytes[1]), 4));
#if LUTRA_USE_ZLIB
    detail::zlib_stream<&inflateEnd> stream;
    if (inflateInit2(&stream, detail::gzip_window) != Z_OK)
        return detail::fault(error_code::io, 0, "zlib could not start: no memory, or another version than it was built for");
    std::vector<std::byte> out(std::min<std::uint64_t>(max_bytes, 4 * bytes.size() + 64));
    std::size_t read = 0, written = 0;
    const auto rest_is_zero = [&] {
        return std::all_of(bytes.begin() + static_cast<std::ptrdiff_t>(read), bytes.end(),
                           [](std::byte b) { return b == std::byte{}; });
    };
    for (;;) {
        // One byte beyond the limit is offered, apart, to tell a stream that just fits from one that does not.
        unsigned char beyond = 0;
        const bool full = written == max_bytes;
        if (!full && written == out.size()) out.resize(std::min<std::uint64_t>(max_bytes, 2 * out.size()));
        stream.next_in = detail::zlib_pointer(bytes.data() + read);
        const auto in = static_cast<unsigned>(std::min(bytes.size() - read, detail::zlib_piece));
        stream.avail_in = in;
        stream.next_out = full ? &beyond : detail::zlib_pointer(out.data() + written);
        const auto room = full ? 1u : static_cast<unsigned>(std::min(out.size() - written, detail::zlib_piece));
        stream.avail_out = room;
        const int state = inflate(&stream, Z_NO_FLUSH);
        read += in - stream.avail_in;
        const std::size_t made = room - stream.avail_out;
        if (full && made > 0)
            return detail::fault(error_code::wrong_size, read, "the gzip stream holds more than the limit of ", max_bytes,
                                 " bytes");
        written += made;
        if (state == Z_STREAM_END) {
            if (is_gzip(bytes.subspan(read))) {
                inflateReset(&stream);
                continue;
            }
            if (!rest_is_zero())
                return detail::fault(error_code::malformed, read, bytes.size() - read,
                                     " bytes that are no gzip member follow the end of the gzip stream at byte ", read);
            out.resize(written);
            return out;
        }
        if (state == Z_MEM_ERROR) return detail::fault(error_code::io, read, "zlib ran out of memory");
        if (state != Z_OK && state != Z_BUF_ERROR)
            return detail::fault(error_code::malformed, read, "the gzip stream is damaged near byte ", read, ": ",
                                 stream.msg != nullptr ? stream.msg : "it needs a dictionary");
        if (made == 0 && read == bytes.size())
            return detail::fault(error_code::truncated, read, "the gzip stream ends after ", read,
                                 " bytes, before its end mark");
    }
#else
    static_cast<void>(max_bytes);
    return detail::fault(error_code::unsupported, 0,
                         "the data is compressed with gzip and this build has no zlib: define "
                         "LUTRA_USE_ZLIB=1 and link zlib, or unpack the file first");
#endif
}

/// @p bytes as a gzip file of one member, without a name and a time: the same bytes for the same input and zlib.
/// @param level 1 (fast) to 9 (small)
///
/// Errors: `unsupported` where the build has no zlib. Panics for another level.
[[nodiscard]] LUTRA_INLINE result<std::vector<std::byte>> gzip(std::span<const std::byte> bytes, int level = 9) {
    require(level >= 1 && level <= 9, panic_code::bad_argument, "gzip levels go from 1 to 9", level, 9);
#if LUTRA_USE_ZLIB
    detail::zlib_stream<&deflateEnd> stream;
    if (deflateInit2(&stream, level, Z_DEFLATED, detail::gzip_window, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return detail::fault(error_code::io, 0, "zlib could not start: no memory, or another version than it was built for");
    std::vector<std::byte> out(bytes.size() / 2 + 64);
    std::size_t read = 0, written = 0;
    for (;;) {
        if (written == out.size()) out.resize(2 * out.size());
        const auto in = static_cast<unsigned>(std::min(bytes.size() - read, detail::zlib_piece));
        const auto room = static_cast<unsigned>(std::min(out.size() - written, detail::zlib_piece));
        stream.next_in = detail::zlib_pointer(bytes.data() + read);
        stream.avail_in = in;
        stream.next_out = detail::zlib_pointer(out.data() + written);
        stream.avail_out = room;
        const int state = deflate(&stream, read + in == bytes.size() ? Z_FINISH : Z_NO_FLUSH);
        read += in - stream.avail_in;
        written += room - stream.avail_out;
        if (state == Z_STREAM_END) break;
        if (state != Z_OK && state != Z_BUF_ERROR) return detail::fault(error_code::io, read, "zlib could not compress");
    }
    out.resize(written);
    return out;
#else
    static_cast<void>(bytes);
    return detail::fault(error_code::unsupported, 0,
                         "this build has no zlib: define LUTRA_USE_ZLIB=1 and link zlib to write gzip");
#endif
}

/// The bytes of the file at @p path, unpacked where it is a gzip file; @p max_bytes bounds both sizes.
/// Errors: those of lutra::read_file and lutra::gunzip, with the path.
[[nodiscard]] LUTRA_INLINE result<std::vector<std::byte>> read_file_unpacked(const std::filesystem::path& path,
                                                                             std::uint64_t max_bytes = default_max_bytes) {
    auto bytes = read_file(path, max_bytes);
    if (!bytes || !is_gzip(*bytes)) return bytes;
    auto unpacked = gunzip(*bytes, max_bytes);
    if (!unpacked) return detail::in_file(path.string(), unpacked.error());
    return unpacked;
}

} // namespace lutra
