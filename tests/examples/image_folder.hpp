// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "run.hpp"

#include <lutra/io/json.hpp>

#include <filesystem>
#include <string>
#include <utility>

/// A folder with the sample of test images under the names of a data set, as training images as well.
struct image_folder {
    scratch_folder folder;
    std::string data = folder / "data";

    image_folder() {
        std::filesystem::create_directory(data);
        const std::string sample = std::string{LUTRA_SAMPLES} + "/fashion-mnist-test-1000-";
        for (const std::string set : {"train", "t10k"})
            for (const std::string part : {"images-idx3-ubyte.gz", "labels-idx1-ubyte.gz"})
                std::filesystem::create_symlink(sample + part, std::filesystem::path{data} / (set + "-" + part));
    }
    /// Runs it on little, but for what @p arguments say themselves.
    [[nodiscard]] program_result explore(const std::string& arguments) const {
        std::string command = std::string{LUTRA_EXPLORE} + " " + arguments;
        for (const auto& [option, value] : {std::pair<std::string, std::string>{" --data ", data},
                                            {" --images ", "48"},
                                            {" --multipliers ", "exact,drum4,operand_truncated3_3"},
                                            {" --threads ", "2"}})
            if (command.find(option) == std::string::npos) command += option + value;
        return run(command);
    }
    [[nodiscard]] nlohmann::json report(const std::string& name) const {
        return *lutra::read_json(std::filesystem::path{folder / name} / "report.json");
    }
};
