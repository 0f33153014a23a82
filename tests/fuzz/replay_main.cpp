// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Runs a fuzz target over files, and the files of folders, that the command line names.
#include "fuzz.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

namespace {

int replayed = 0;

void replay(const std::filesystem::path& path) {
    std::ifstream in{path, std::ios::binary};
    check(in.good(), "the input can be opened");
    const std::vector<char> bytes{std::istreambuf_iterator<char>{in}, {}};
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    ++replayed;
}

} // namespace

int main(int argc, char** argv) {
    for (int i = 1; i < argc; ++i) {
        if (!std::filesystem::is_directory(argv[i])) {
            replay(argv[i]);
            continue;
        }
        for (const auto& entry : std::filesystem::recursive_directory_iterator{argv[i]})
            if (entry.is_regular_file()) replay(entry.path());
    }
    std::printf("replayed %d inputs\n", replayed);
    return replayed > 0 ? 0 : 1;
}
