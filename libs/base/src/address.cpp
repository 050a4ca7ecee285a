#include "wzp/base/address.hpp"

#include <algorithm>
#include <charconv>

namespace wzp {
namespace {

constexpr ByteArray<12> kMappedPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

std::optional<std::uint16_t> number(std::string_view text, int base, std::size_t max_digits, unsigned max) {
  unsigned value = 0;
  if (text.empty() || text.size() > max_digits) return std::nullopt;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (failure != std::errc{} || end != text.data() + text.size() || value > max) return std::nullopt;
  return static_cast<std::uint16_t>(value);
}

std::optional<IpAddress> parse_v4(std::string_view text) {
  ByteArray<4> out{};
  for (std::size_t i = 0; i < 4; ++i) {
    const auto dot = text.find('.');
    if ((i < 3) != (dot != std::string_view::npos)) return std::nullopt;
    const auto part = text.substr(0, dot);
    const auto value = number(part, 10, 3, 255);
    if (!value || (part.size() > 1 && part.front() == '0')) return std::nullopt;
    out[i] = static_cast<std::uint8_t>(*value);
    text = i < 3 ? text.substr(dot + 1) : std::string_view{};
  }
  return IpAddress::v4(out[0], out[1], out[2], out[3]);
}

// Groups of "a:b:c" as bytes, with an optional IPv4 tail.
std::optional<Bytes> parse_groups(std::string_view text, bool may_end_in_v4) {
  Bytes out;
  while (!text.empty()) {
    const auto colon = text.find(':');
    const auto part = text.substr(0, colon);
    const bool last = colon == std::string_view::npos;
    if (last && may_end_in_v4 && part.find('.') != std::string_view::npos) {
      const auto v4 = parse_v4(part);
      if (!v4) return std::nullopt;
      append(out, ByteView{v4->bytes}.subspan(12));
      return out;
    }
    const auto value = number(part, 16, 4, 0xffff);
    if (!value || out.size() >= 16) return std::nullopt;
    out.push_back(static_cast<std::uint8_t>(*value >> 8));
    out.push_back(static_cast<std::uint8_t>(*value));
    if (last) return out;
    text = text.substr(colon + 1);
    if (text.empty()) return std::nullopt;
  }
  return out;
}

std::optional<IpAddress> parse_v6(std::string_view text) {
  const auto gap = text.find("::");
  IpAddress ip;
  if (gap == std::string_view::npos) {
    const auto all = parse_groups(text, true);
    if (!all || all->size() != 16) return std::nullopt;
    std::copy(all->begin(), all->end(), ip.bytes.begin());
    return ip;
  }
  const auto head = parse_groups(text.substr(0, gap), false);
  const auto tail = parse_groups(text.substr(gap + 2), true);
  if (!head || !tail || head->size() + tail->size() > 14) return std::nullopt;
  std::copy(head->begin(), head->end(), ip.bytes.begin());
  std::copy_backward(tail->begin(), tail->end(), ip.bytes.end());
  return ip;
}

std::string print_v6(const IpAddress& ip) {
  // RFC 5952: the longest run of at least two zero groups is compressed, the first of equals.
  std::array<unsigned, 8> groups{};
  for (std::size_t i = 0; i < 8; ++i) groups[i] = load_be16(ip.bytes.data() + 2 * i);
  std::size_t best = 8;
  std::size_t best_length = 1;
  for (std::size_t i = 0; i < 8; ++i) {
    std::size_t length = 0;
    while (i + length < 8 && groups[i + length] == 0) ++length;
    if (length > best_length) {
      best = i;
      best_length = length;
    }
  }
  std::string out;
  for (std::size_t i = 0; i < 8; ++i) {
    if (i == best) {
      out += "::";
      i += best_length - 1;
      continue;
    }
    if (!out.empty() && out.back() != ':') out += ':';
    char text[5];
    const auto end = std::to_chars(text, text + sizeof text, groups[i], 16).ptr;
    out.append(text, end);
  }
  return out;
}

bool starts_with(const IpAddress& ip, std::initializer_list<std::uint8_t> prefix) {
  return std::equal(prefix.begin(), prefix.end(), ip.bytes.begin());
}

}  // namespace

IpAddress IpAddress::v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) noexcept {
  IpAddress ip;
  std::copy(kMappedPrefix.begin(), kMappedPrefix.end(), ip.bytes.begin());
  ip.bytes[12] = a;
  ip.bytes[13] = b;
  ip.bytes[14] = c;
  ip.bytes[15] = d;
  return ip;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  return text.find(':') == std::string_view::npos ? parse_v4(text) : parse_v6(text);
}

bool IpAddress::is_v4() const noexcept { return std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), bytes.begin()); }

IpAddress IpAddress::place() const noexcept {
  IpAddress place = *this;
  if (!is_v4()) std::fill(place.bytes.begin() + 8, place.bytes.end(), std::uint8_t{0});
  return place;
}

bool IpAddress::is_unspecified() const noexcept {
  const auto from = bytes.begin() + (is_v4() ? 12 : 0);
  return std::all_of(from, bytes.end(), [](auto b) { return b == 0; });
}

bool IpAddress::is_loopback() const noexcept {
  if (is_v4()) return bytes[12] == 127;
  return std::all_of(bytes.begin(), bytes.end() - 1, [](auto b) { return b == 0; }) && bytes[15] == 1;
}

bool IpAddress::is_link_local() const noexcept {
  if (is_v4()) return bytes[12] == 169 && bytes[13] == 254;
  return bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80;
}

bool IpAddress::is_private() const noexcept {
  if (!is_v4()) return (bytes[0] & 0xfe) == 0xfc;
  return bytes[12] == 10 || (bytes[12] == 172 && (bytes[13] & 0xf0) == 16) || (bytes[12] == 192 && bytes[13] == 168);
}

bool IpAddress::is_shared() const noexcept { return is_v4() && bytes[12] == 100 && (bytes[13] & 0xc0) == 64; }

bool IpAddress::is_multicast_or_broadcast() const noexcept {
  if (!is_v4()) return bytes[0] == 0xff;
  return (bytes[12] & 0xf0) == 224 || std::all_of(bytes.begin() + 12, bytes.end(), [](auto b) { return b == 255; });
}

bool IpAddress::is_documentation() const noexcept {
  if (!is_v4()) return starts_with(*this, {0x20, 0x01, 0x0d, 0xb8});
  const auto net = [&](std::uint8_t a, std::uint8_t b, std::uint8_t c) {
    return bytes[12] == a && bytes[13] == b && bytes[14] == c;
  };
  return net(192, 0, 2) || net(198, 51, 100) || net(203, 0, 113);
}

std::optional<SocketAddress> SocketAddress::parse(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto port = number(text.substr(colon + 1), 10, 5, 65535);
  auto host = text.substr(0, colon);
  std::optional<IpAddress> ip;
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
    if (host.find(':') != std::string_view::npos) ip = parse_v6(host);
  } else {
    ip = parse_v4(host);
  }
  if (!ip || !port) return std::nullopt;
  return SocketAddress{*ip, *port};
}

std::string to_string(const IpAddress& ip) {
  if (!ip.is_v4()) return print_v6(ip);
  std::string out;
  for (std::size_t i = 12; i < 16; ++i) {
    if (i > 12) out += '.';
    out += std::to_string(ip.bytes[i]);
  }
  return out;
}

std::string to_string(const SocketAddress& address) {
  const auto ip = to_string(address.ip);
  return (address.ip.is_v4() ? ip : "[" + ip + "]") + ":" + std::to_string(address.port);
}

}  // namespace wzp
