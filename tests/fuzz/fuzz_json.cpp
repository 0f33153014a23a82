// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// No exception escapes, and a document that was read survives being written.
#include "fuzz.hpp"

#include <lutra/io/json.hpp>

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto document = lutra::parse_json(fuzz_bytes(data, size));
    if (!document) {
        check(!document.error().message.empty(), "an error has a sentence");
        return 0;
    }
    check(!document->is_discarded(), "a document is whole");
    const std::string text = document->dump();
    const auto again = lutra::parse_json(std::as_bytes(std::span{text}));
    check(again.has_value() && *again == *document, "a document round trips");
    return 0;
}
