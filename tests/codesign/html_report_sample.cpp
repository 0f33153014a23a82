// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// html_report_sample <full|hostile|bare|large> <page>: writes a page for the browser test.
#include "exploration_sample.hpp"

#include <lutra/codesign/html_report.hpp>
#include <lutra/io/file.hpp>

#include <cstdio>
#include <span>
#include <string>
#include <string_view>

int main(int count, char** words) {
    const std::string_view kind = count == 3 ? words[1] : "";
    nlohmann::json document = sample_exploration(kind == "large" ? sample_size{20000, 4, 64} : sample_size{1500});
    if (kind == "hostile") {
        std::size_t number = 0;
        replace_strings(document, "</title></style><script>throw 'escaped'</script><img src=x onerror=alert(1)>\"'&",
                        number);
    } else if (kind == "bare") {
        for (const char* key : {"uniform", "sensitivity", "chosen"}) document.erase(key);
        for (const char* key : {"points", "front", "convergence"}) document[key] = nlohmann::json::array();
    } else if (kind != "full" && kind != "large") {
        std::fputs("usage: html_report_sample full|hostile|bare|large PAGE\n", stderr);
        return 2;
    }
    const auto page = lutra::html_report(document);
    const auto written = page ? lutra::write_file_atomically(words[2], std::as_bytes(std::span{*page})) : page.error();
    if (!written) std::fprintf(stderr, "%s\n", std::string{written.error().message.view()}.c_str());
    return written ? 0 : 1;
}
