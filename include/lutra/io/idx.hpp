// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/io/gzip.hpp>

#include <array>

/// @file
/// IDX, the format of MNIST and of its successors (LeCun, Cortes and Burges, "The MNIST database", 1998): two zero
/// bytes, the element type, the number of dimensions, each dimension as 32 bits big-endian, then the elements in row-major
/// order.

namespace lutra {

/// Grey images of 8 bits a pixel: pixels[image][row][column].
struct idx_images {
    std::vector<std::uint8_t> pixels;
    std::size_t count = 0, height = 0, width = 0;

    /// The height x width pixels of image @p i; panics past the end.
    [[nodiscard]] std::span<const std::uint8_t> image(std::size_t i) const {
        require(i < count, panic_code::out_of_range, "an image past the end of an IDX file", static_cast<long long>(i),
                static_cast<long long>(count));
        return std::span{pixels}.subspan(i * height * width, height * width);
    }
    friend bool operator==(const idx_images&, const idx_images&) = default;
};

/// One class number an image.
struct idx_labels {
    std::vector<std::uint8_t> labels;
    friend bool operator==(const idx_labels&, const idx_labels&) = default;
};

namespace detail {

inline constexpr std::uint32_t idx_images_magic = 0x0803, idx_labels_magic = 0x0801; // uint8, 3 and 1 dimensions

[[nodiscard]] constexpr std::uint32_t big_endian_32(std::span<const std::byte, 4> b) noexcept {
    std::uint32_t v = 0;
    for (const std::byte x : b) v = v << 8 | std::to_integer<std::uint32_t>(x);
    return v;
}

/// What IDX calls its element types; "unknown" for a number that it does not have.
[[nodiscard]] constexpr std::string_view idx_type_name(std::uint32_t type) noexcept {
    switch (type) {
    case 0x08: return "uint8";
    case 0x09: return "int8";
    case 0x0b: return "int16";
    case 0x0c: return "int32";
    case 0x0d: return "float32";
    case 0x0e: return "float64";
    default: return "unknown";
    }
}

/// Reads and checks the header of an IDX file of Rank dimensions of uint8, and that exactly its elements follow.
template <std::size_t Rank>
[[nodiscard]] result<std::array<std::size_t, Rank>> parse_idx_shape(std::span<const std::byte> bytes) {
    constexpr std::size_t header = 4 + 4 * Rank;
    if (bytes.size() < 4)
        return fault(error_code::truncated, bytes.size(), "an IDX file starts with a magic number of 4 bytes; got ",
                     bytes.size(), " bytes");
    const std::uint32_t magic = big_endian_32(bytes.first<4>()), type = magic >> 8 & 0xff, rank = magic & 0xff;
    constexpr std::uint32_t wanted = 0x0800 + Rank;
    if (magic >> 16 != 0)
        return fault(error_code::malformed, 0, "not an IDX file: the magic number is ", hex(magic, 8), "; expected ",
                     hex(wanted, 8));
    if (type != 0x08)
        return fault(error_code::wrong_type, 2, "the IDX file has elements of type ", hex(type, 2), " (",
                     idx_type_name(type), "), magic ", hex(magic, 8), "; expected 0x08 (uint8)");
    if (rank != Rank)
        return fault(error_code::mismatch, 3, "the dimension count of the IDX file is ", rank, ", magic ", hex(magic, 8),
                     "; expected ", Rank, Rank == 3 ? " (images)" : " (labels)");
    if (bytes.size() < header)
        return fault(error_code::truncated, bytes.size(), "the header of an IDX file of ", Rank, " dimensions has ", header,
                     " bytes; got ", bytes.size());
    std::array<std::size_t, Rank> shape{};
    std::uint64_t elements = 1;
    for (std::size_t d = 0; d < Rank; ++d) {
        const std::uint32_t size = big_endian_32(bytes.subspan(4 + 4 * d).template first<4>());
        if (d > 0 && size == 0)
            return fault(error_code::malformed, 4 + 4 * d, "dimension ", d,
                         " of the IDX file is 0: its images have no pixel");
        // Only a product with an earlier non-zero factor can overflow; a zero count is an empty, valid file.
        if (size != 0 && elements > ~std::uint64_t{0} / size)
            return fault(error_code::malformed, 4 + 4 * d,
                         "the number of elements of the IDX file overflows 64 bits at dimension ", d, ", which is ", size);
        elements *= size;
        shape[d] = size;
    }
    if (elements != bytes.size() - header)
        return fault(bytes.size() - header < elements ? error_code::truncated : error_code::wrong_size, header,
                     "the IDX file holds ", bytes.size() - header, " bytes of elements; expected ", elements,
                     " from its dimensions");
    return shape;
}

[[nodiscard]] inline std::vector<std::uint8_t> idx_elements(std::span<const std::byte> bytes) {
    std::vector<std::uint8_t> out(bytes.size());
    std::transform(bytes.begin(), bytes.end(), out.begin(), [](std::byte b) { return std::to_integer<std::uint8_t>(b); });
    return out;
}

template <std::size_t Rank>
[[nodiscard]] std::vector<std::byte> write_idx(const std::array<std::size_t, Rank>& shape,
                                               std::span<const std::uint8_t> elements) {
    std::size_t product = 1;
    for (const std::size_t size : shape) {
        require(size <= 0xffffffff, panic_code::overflow, "a dimension of an IDX file has 32 bits",
                static_cast<long long>(size));
        product *= size;
    }
    require(product == elements.size(), panic_code::bad_shape, "an IDX file needs as many elements as its dimensions say",
            static_cast<long long>(elements.size()), static_cast<long long>(product));
    std::vector<std::byte> out{std::byte{0}, std::byte{0}, std::byte{8}, static_cast<std::byte>(Rank)};
    out.reserve(4 + 4 * Rank + elements.size());
    for (const std::size_t size : shape)
        for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<std::byte>(size >> shift & 0xff));
    for (const std::uint8_t x : elements) out.push_back(std::byte{x});
    return out;
}

/// Reads the file at @p path, unpacked, and parses it by @p parse; errors name the path.
template <class Parse>
[[nodiscard]] auto read_idx(const std::filesystem::path& path, std::uint64_t max_bytes, Parse parse)
    -> decltype(parse(std::span<const std::byte>{})) {
    const auto bytes = read_file_unpacked(path, max_bytes);
    if (!bytes) return bytes.error();
    auto parsed = parse(std::span<const std::byte>{*bytes});
    if (!parsed) return in_file(path.string(), parsed.error());
    return parsed;
}

} // namespace detail

/// The images in the bytes of an IDX file of three dimensions of uint8 (count, height, width), not compressed.
///
/// Errors: `malformed` for another magic number, an image without pixels or dimensions whose product overflows;
/// `wrong_type`; `mismatch` for another number of dimensions; `truncated` and `wrong_size` for missing and
/// surplus bytes.
[[nodiscard]] inline result<idx_images> parse_idx_images(std::span<const std::byte> bytes) {
    const auto shape = detail::parse_idx_shape<3>(bytes);
    if (!shape) return shape.error();
    const auto& [count, height, width] = *shape;
    return idx_images{detail::idx_elements(bytes.subspan(16)), count, height, width};
}

/// The labels in the bytes of an IDX file of one dimension of uint8, not compressed. Errors: as lutra::parse_idx_images.
[[nodiscard]] inline result<idx_labels> parse_idx_labels(std::span<const std::byte> bytes) {
    const auto shape = detail::parse_idx_shape<1>(bytes);
    if (!shape) return shape.error();
    return idx_labels{detail::idx_elements(bytes.subspan(8))};
}

/// Reads images from the IDX file at @p path, plain or gzip.
///
/// @code
/// const auto images = lutra::read_idx_images("t10k-images-idx3-ubyte.gz");
/// if (!images) return report(images.error().message.view());
/// classify(images->image(0)); // 28 x 28 bytes
/// @endcode
[[nodiscard]] inline result<idx_images> read_idx_images(const std::filesystem::path& path,
                                                        std::uint64_t max_bytes = default_max_bytes) {
    return detail::read_idx(path, max_bytes, &parse_idx_images);
}

/// Reads labels from the IDX file at @p path, plain or gzip.
[[nodiscard]] inline result<idx_labels> read_idx_labels(const std::filesystem::path& path,
                                                        std::uint64_t max_bytes = default_max_bytes) {
    return detail::read_idx(path, max_bytes, &parse_idx_labels);
}

/// The bytes of the IDX file that holds @p images. Panics when the dimensions do not fit the pixels.
[[nodiscard]] inline std::vector<std::byte> to_idx(const idx_images& images) {
    return detail::write_idx<3>({images.count, images.height, images.width}, images.pixels);
}

/// The bytes of the IDX file that holds @p labels.
[[nodiscard]] inline std::vector<std::byte> to_idx(const idx_labels& labels) {
    return detail::write_idx<1>({labels.labels.size()}, labels.labels);
}

/// Checks that there is one label an image and that each is less than @p classes. Error: `mismatch`, with the numbers, or
/// the index and the value of the first label that is too large.
[[nodiscard]] inline status check_labels_match(const idx_images& images, const idx_labels& labels, std::size_t classes) {
    if (images.count != labels.labels.size())
        return detail::fault(error_code::mismatch, 0, "there are ", images.count, " images and ", labels.labels.size(),
                             " labels");
    for (std::size_t i = 0; i < labels.labels.size(); ++i)
        if (labels.labels[i] >= classes)
            return detail::fault(error_code::mismatch, i, "label ", i, " is ", labels.labels[i], "; expected less than ",
                                 classes);
    return ok();
}

} // namespace lutra
