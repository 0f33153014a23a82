// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Whatever the IDX reader takes, the writer gives back byte for byte.
#include "fuzz.hpp"

#include <lutra/io/idx.hpp>

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto bytes = fuzz_bytes(data, size);
    const auto same = [bytes](const std::vector<std::byte>& written) {
        return std::equal(written.begin(), written.end(), bytes.begin(), bytes.end());
    };
    const auto images = lutra::parse_idx_images(bytes);
    const auto labels = lutra::parse_idx_labels(bytes);
    check(!images || !labels, "a file holds images or labels, not both");
    if (images) {
        check(images->pixels.size() == images->count * images->height * images->width, "the pixels fill the dimensions");
        if (images->count > 0) static_cast<void>(images->image(images->count - 1));
        check(same(lutra::to_idx(*images)), "images round trip");
    }
    if (labels) {
        check(same(lutra::to_idx(*labels)), "labels round trip");
        static_cast<void>(lutra::check_labels_match({labels->labels, labels->labels.size(), 1, 1}, *labels, 10));
    }
    return 0;
}
