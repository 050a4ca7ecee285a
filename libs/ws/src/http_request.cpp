#include "http_request.hpp"

#include <algorithm>
#include <memory>
#include <string_view>

#include <microhttpd.h>

#include "accept_key.hpp"

namespace wzp::ws {
namespace {

/// Source: RFC 6455 4.1.
constexpr const char* kVersion = "13";

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

struct Search {
  std::string_view header;
  std::string_view token;
  bool found = false;
};

bool lists(std::string_view value, std::string_view token) {
  while (!value.empty()) {
    const auto comma = std::min(value.find(','), value.size());
    if (equal_ignoring_case(trimmed(value.substr(0, comma)), token)) return true;
    value.remove_prefix(std::min(comma + 1, value.size()));
  }
  return false;
}

MHD_Result look(void* state, MHD_ValueKind, const char* key, const char* value) noexcept {
  auto& search = *static_cast<Search*>(state);
  const bool is_it = equal_ignoring_case(key, search.header) && value != nullptr;
  search.found = search.found || (is_it && lists(value, search.token));
  return MHD_YES;
}

// Whether one of the headers of this name lists the token.
bool has_token(MHD_Connection* connection, std::string_view header, std::string_view token) {
  Search search{header, token};
  MHD_get_connection_values(connection, MHD_HEADER_KIND, &look, &search);
  return search.found;
}

std::string_view value_of(MHD_Connection* connection, const char* header) {
  const char* value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, header);
  return value == nullptr ? std::string_view{} : std::string_view{value};
}

struct Destroy {
  void operator()(MHD_Response* response) const noexcept { MHD_destroy_response(response); }
};

}  // namespace

UpgradeHead read_upgrade(MHD_Connection* connection) {
  if (!has_token(connection, "Connection", "upgrade") || !has_token(connection, "Upgrade", "websocket")) {
    return {std::nullopt, {MHD_HTTP_UPGRADE_REQUIRED, "this is for WebSockets only"}};
  }
  if (value_of(connection, "Sec-WebSocket-Version") != kVersion) {
    return {std::nullopt, {MHD_HTTP_UPGRADE_REQUIRED, "Sec-WebSocket-Version must be 13"}};
  }
  auto accept = accept_key(value_of(connection, "Sec-WebSocket-Key"));
  if (!accept) return {std::nullopt, {MHD_HTTP_BAD_REQUEST, "Sec-WebSocket-Key must be base64 of 16 bytes"}};
  return {std::move(accept), {}};
}

bool refuse(MHD_Connection* connection, const Answer& answer) {
  auto body = answer.text + "\n";
  const std::unique_ptr<MHD_Response, Destroy> response{
      MHD_create_response_from_buffer(body.size(), body.data(), MHD_RESPMEM_MUST_COPY)};
  if (!response) return false;
  const auto add = [&](const char* header, const char* value) {
    return MHD_add_response_header(response.get(), header, value) == MHD_YES;
  };
  bool done = add("Content-Type", "text/plain; charset=utf-8") && add("Connection", "close");
  if (answer.status == MHD_HTTP_UPGRADE_REQUIRED) {
    done = done && add("Upgrade", "websocket") && add("Sec-WebSocket-Version", kVersion);
  }
  if (answer.status == MHD_HTTP_METHOD_NOT_ALLOWED) done = done && add("Allow", "GET");
  return done && MHD_queue_response(connection, answer.status, response.get()) == MHD_YES;
}

}  // namespace wzp::ws
