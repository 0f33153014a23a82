// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#include <lutra/core/result.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>
#if LUTRA_USE_ZLIB
    #include <zlib.h>
#endif

/// An image of @p width x @p height pixels of three bytes, row by row from the top.
struct rgb_image {
    std::uint32_t width = 0, height = 0;
    std::vector<std::uint8_t> pixels;
};

#if LUTRA_USE_ZLIB
/// @p image as a PNG file (ISO/IEC 15948:2004), 8 bits a channel.
[[nodiscard]] inline std::vector<std::byte> to_png(const rgb_image& image) {
    std::vector<std::uint8_t> out{0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    const auto big_endian = [](std::vector<std::uint8_t>& to, std::uint32_t value) {
        for (int shift = 24; shift >= 0; shift -= 8) to.push_back(static_cast<std::uint8_t>(value >> shift));
    };
    const auto chunk = [&](std::string_view type, const std::vector<std::uint8_t>& data) {
        big_endian(out, static_cast<std::uint32_t>(data.size()));
        const std::size_t checked = out.size();
        out.insert(out.end(), type.begin(), type.end());
        out.insert(out.end(), data.begin(), data.end());
        big_endian(out, static_cast<std::uint32_t>(crc32(0, out.data() + checked, static_cast<uInt>(out.size() - checked))));
    };
    std::vector<std::uint8_t> header;
    big_endian(header, image.width);
    big_endian(header, image.height);
    header.insert(header.end(), {8, 2, 0, 0, 0}); // 8 bits, RGB
    chunk("IHDR", header);

    std::vector<std::uint8_t> rows; // each begins with its filter: 0, none
    const std::size_t stride = std::size_t{3} * image.width;
    for (std::size_t y = 0; y < image.height; ++y) {
        rows.push_back(0);
        const auto begin = image.pixels.begin() + static_cast<std::ptrdiff_t>(y * stride);
        rows.insert(rows.end(), begin, begin + static_cast<std::ptrdiff_t>(stride));
    }
    uLongf size = compressBound(static_cast<uLong>(rows.size()));
    std::vector<std::uint8_t> packed(size);
    lutra::require(compress2(packed.data(), &size, rows.data(), static_cast<uLong>(rows.size()), 9) == Z_OK,
                   lutra::panic_code::bad_argument, "zlib did not compress an image");
    packed.resize(size);
    chunk("IDAT", packed);
    chunk("IEND", {});
    const auto* bytes = reinterpret_cast<const std::byte*>(out.data());
    return {bytes, bytes + out.size()};
}
#endif

/// @p image as an SVG file: a rectangle for each run of equal pixels in a row.
[[nodiscard]] inline std::vector<std::byte> to_svg(const rgb_image& image) {
    const std::string w = std::to_string(image.width), h = std::to_string(image.height);
    std::string out = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + w + " " + h + "\" width=\"" + w +
                      "\" height=\"" + h + "\" shape-rendering=\"crispEdges\">\n";
    const auto pixel = [&](std::uint32_t x, std::uint32_t y) {
        const std::uint8_t* p = &image.pixels[3 * (std::size_t{y} * image.width + x)];
        return static_cast<std::uint32_t>(p[0] << 16 | p[1] << 8 | p[2]);
    };
    for (std::uint32_t y = 0; y < image.height; ++y)
        for (std::uint32_t x = 0, end = 0; x < image.width; x = end) {
            const std::uint32_t colour = pixel(x, y);
            for (end = x + 1; end < image.width && pixel(end, y) == colour; ++end) {
            }
            char digits[8];
            std::snprintf(digits, sizeof digits, "%06x", static_cast<unsigned>(colour));
            out += "<rect x=\"" + std::to_string(x) + "\" y=\"" + std::to_string(y) + "\" width=\"" +
                   std::to_string(end - x) + "\" height=\"1\" fill=\"#" + digits + "\"/>\n";
        }
    out += "</svg>\n";
    const auto* bytes = reinterpret_cast<const std::byte*>(out.data());
    return {bytes, bytes + out.size()};
}
