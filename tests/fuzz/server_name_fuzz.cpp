// A canonical name is canonical, and what is no name is refused by all.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "fuzz.hpp"
#include "wzp/base/bytes.hpp"
#include "wzp/proto/inspect.hpp"
#include "wzp/proto/server_name.hpp"

using namespace wzp;
using namespace wzp::proto;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view name = text_of({data, size});
  const auto canonical = canonical_server_name(name);
  fuzz::require(canonical.has_value() == (name.empty() || classify(name) != NameClass::Invalid));
  if (canonical) {
    fuzz::require(canonical_server_name(*canonical).value() == *canonical);
    fuzz::require(classify(*canonical) == NameClass::Dns);
    const auto call = call_of_room(*canonical);
    fuzz::require(!call || call->room() == *canonical);
  }
  for (const auto kind : {InspectKind::Signal, InspectKind::Header, InspectKind::Mini, InspectKind::Sni}) {
    const auto answer = Inspector{kind}.answer(name);
    fuzz::require(!answer.empty() && answer.find('\n') == answer.npos);
  }
  return 0;
}
