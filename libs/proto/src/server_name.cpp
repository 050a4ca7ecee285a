#include "wzp/proto/server_name.hpp"

#include <algorithm>
#include <cstddef>

#include "wzp/base/address.hpp"
#include "wzp/base/log.hpp"

namespace wzp::proto {
namespace {

constexpr std::size_t kMaxName = 253;  // RFC 1035 3.1, as the deployed TLS library counts: the trailing dot included
constexpr std::size_t kMaxLabel = 63;
constexpr std::string_view kNoName = "default";
constexpr std::string_view kCallPrefix = "call-";

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool is_label(std::string_view label) {
  const auto allowed = [](char c) {
    return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z') || c == '-' || c == '_';
  };
  return !label.empty() && label.size() <= kMaxLabel && label.front() != '-' && label.back() != '-' &&
         std::ranges::all_of(label, allowed);
}

bool is_dns_name(std::string_view name) {
  if (name.size() > kMaxName) return false;
  if (name.ends_with('.')) name.remove_suffix(1);
  for (;;) {
    const auto dot = name.find('.');
    const auto label = name.substr(0, dot);
    if (!is_label(label)) return false;
    if (dot == name.npos) return !std::ranges::all_of(label, is_digit);
    name.remove_prefix(dot + 1);
  }
}

}  // namespace

NameClass classify(std::string_view name) {
  if (is_dns_name(name)) return NameClass::Dns;
  return IpAddress::parse(name) ? NameClass::Ip : NameClass::Invalid;
}

Result<std::string> canonical_server_name(std::string_view name) {
  if (name.empty()) return std::string{kNoName};
  switch (classify(name)) {
    case NameClass::Ip: return std::string{kNoName};
    case NameClass::Invalid: return Unexpected{Errc::BadName, printable(name)};
    case NameClass::Dns: break;
  }
  if (name.ends_with('.')) name.remove_suffix(1);
  std::string canonical{name};
  std::ranges::transform(canonical, canonical.begin(), lower);
  return canonical;
}

ConnectionClass connection_class(std::string_view canonical) noexcept {
  if (canonical == "ping") return ConnectionClass::Ping;
  if (canonical == "version") return ConnectionClass::Version;
  if (canonical == "_probe") return ConnectionClass::Probe;
  if (canonical == "_federation") return ConnectionClass::Federation;
  if (canonical == "_signal") return ConnectionClass::Signal;
  return ConnectionClass::Room;
}

std::optional<CallId> call_of_room(std::string_view canonical) {
  if (!canonical.starts_with(kCallPrefix)) return std::nullopt;
  return CallId::parse(canonical.substr(kCallPrefix.size()));
}

}  // namespace wzp::proto
