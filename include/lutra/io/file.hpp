// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#include <lutra/io/detail/message.hpp>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <system_error>
#include <vector>
#if defined(__unix__) || defined(__APPLE__)
    #include <fcntl.h>
    #include <unistd.h>
#endif

namespace lutra {

/// What a reader takes at most where it is not told otherwise: 4 GiB.
inline constexpr std::uint64_t default_max_bytes = std::uint64_t{1} << 32;

namespace detail {

struct close_file {
    void operator()(std::FILE* f) const noexcept { static_cast<void>(std::fclose(f)); }
};
using file_handle = std::unique_ptr<std::FILE, close_file>;

/// "<path>: cannot <verb> it: <what the operating system says>".
[[nodiscard]] inline error os_fault(const std::filesystem::path& path, std::string_view verb, int reason) {
    return fault(error_code::io, 0, shown_path(path.string()), ": cannot ", verb,
                 " it: ", std::string_view{std::generic_category().message(reason)});
}

/// Makes what was written to @p f survive a power cut, as far as the system can promise that.
[[nodiscard]] inline bool flush_to_disk(std::FILE* f) noexcept {
    if (std::fflush(f) != 0) return false;
#if defined(__unix__) || defined(__APPLE__)
    // Some file systems have no fsync and say EINVAL: there is nothing to wait for then.
    return ::fsync(::fileno(f)) == 0 || errno == EINVAL;
#else
    return true;
#endif
}

/// A rename is durable once its folder is on disk. Nothing is lost where this fails, so nobody is told.
inline void flush_folder(const std::filesystem::path& folder) noexcept {
#if defined(__unix__) || defined(__APPLE__)
    if (const int fd = ::open(folder.c_str(), O_RDONLY); fd >= 0) {
        static_cast<void>(::fsync(fd));
        static_cast<void>(::close(fd));
    }
#else
    static_cast<void>(folder);
#endif
}

} // namespace detail

/// All bytes of the file at @p path.
///
/// Errors: `io` with the operating system's reason; `wrong_size` when the file is larger than @p max_bytes (the
/// limit is kept while reading, so a file that grows, or a device that never ends, is caught too).
[[nodiscard]] LUTRA_INLINE result<std::vector<std::byte>> read_file(const std::filesystem::path& path,
                                                                    std::uint64_t max_bytes = default_max_bytes) {
    const auto too_large = [&] {
        return detail::fault(error_code::wrong_size, max_bytes, detail::shown_path(path.string()),
                             ": the file is larger than the limit of ", max_bytes, " bytes");
    };
    const detail::file_handle file{std::fopen(path.string().c_str(), "rb")};
    if (!file) return detail::os_fault(path, "open", errno);

    // The size is a hint only: pipes and /proc say 0, and a file may change under the reader.
    std::error_code no_size;
    const std::uintmax_t size = std::filesystem::file_size(path, no_size);
    if (!no_size && size > max_bytes) return too_large();
    constexpr std::size_t step = 1 << 16;
    std::vector<std::byte> bytes(no_size ? step : static_cast<std::size_t>(size) + 1);
    std::size_t used = 0;
    for (;;) {
        const std::size_t got = std::fread(bytes.data() + used, 1, bytes.size() - used, file.get());
        used += got;
        if (used > max_bytes) return too_large();
        if (used == bytes.size()) {
            bytes.resize(used + std::max(used / 2, step));
        } else if (std::ferror(file.get())) {
            return detail::os_fault(path, "read", errno);
        } else {
            bytes.resize(used);
            return bytes;
        }
    }
}

/// Writes @p bytes to @p path so that a reader sees the old file or the new one, never a part: the bytes go to a
/// new file in the same folder, which is forced to disk and then renamed. Whatever fails, the old file stays as it
/// was and nothing is left beside it. A symbolic link is followed; the old file's permissions are kept.
///
/// Errors: `io` with the path and the operating system's reason, also when @p path names something that is not a
/// regular file.
LUTRA_INLINE status write_file_atomically(const std::filesystem::path& path, std::span<const std::byte> bytes) {
    namespace fs = std::filesystem;
    std::error_code why;
    fs::path target = path;
    if (fs::is_symlink(fs::symlink_status(path, why))) {
        target = fs::weakly_canonical(path, why);
        if (why) return detail::os_fault(path, "follow", why.value());
    }
    const fs::file_status old = fs::status(target, why);
    if (fs::exists(old) && !fs::is_regular_file(old))
        return detail::fault(error_code::io, 0, detail::shown_path(path.string()),
                             ": cannot replace it: it is not a regular file");

    // Exclusive creation makes the name ours alone; numbers step over what a crashed writer left behind.
    fs::path aside;
    detail::file_handle file;
    for (int attempt = 0; attempt < 100 && !file; ++attempt) {
        aside = target;
        aside += ".part" + std::to_string(attempt);
        file.reset(std::fopen(aside.string().c_str(), "wbx"));
        if (!file && errno != EEXIST) break;
    }
    if (!file) return detail::os_fault(path, "write beside", errno);

    const auto give_up = [&](std::string_view verb, int reason) {
        file.reset();
        std::error_code ignored;
        fs::remove(aside, ignored);
        return detail::os_fault(path, verb, reason);
    };
    const bool written = bytes.empty() || std::fwrite(bytes.data(), 1, bytes.size(), file.get()) == bytes.size();
    if (!written || !detail::flush_to_disk(file.get())) return give_up("write", errno);
    if (std::fclose(file.release()) != 0) return give_up("write", errno);
    if (fs::exists(old)) {
        fs::permissions(aside, old.permissions(), why);
        if (why) return give_up("keep the permissions of", why.value());
    }
    fs::rename(aside, target, why);
    if (why) return give_up("replace", why.value());
    detail::flush_folder(target.has_parent_path() ? target.parent_path() : fs::path{"."});
    return ok();
}

} // namespace lutra
