#include "framing.hpp"

#include <algorithm>
#include <new>

#include <wslay/wslay.h>

#include "wzp/ws/handler.hpp"

namespace wzp::ws {
namespace {

/// Source: RFC 6455 5.5, a control frame has 125 bytes, two of which are the code.
constexpr std::size_t kMaxReason = 123;

// What can fail on these calls is memory alone; everything else is said by the state of the context.
void need_memory(int wslay_result) {
  if (wslay_result == WSLAY_ERR_NOMEM) throw std::bad_alloc{};
}

}  // namespace

// Nothing here throws or calls back into wslay, but for queueing a close, which it allows.
struct Framing::Callbacks {
  static Framing& self(void* user) noexcept { return *static_cast<Framing*>(user); }

  static ssize_t receive(wslay_event_context* context, std::uint8_t* out, std::size_t size, int, void* user) noexcept {
    auto& input = self(user).input_;
    if (input.empty()) {
      wslay_event_set_error(context, WSLAY_ERR_WOULDBLOCK);
      return -1;
    }
    const auto part = input.first(std::min(size, input.size()));
    std::ranges::copy(part, out);
    input = input.subspan(part.size());
    return static_cast<ssize_t>(part.size());
  }

  static ssize_t send(wslay_event_context*, const std::uint8_t* bytes, std::size_t size, int, void* user) noexcept {
    append(*self(user).output_, {bytes, size});
    return static_cast<ssize_t>(size);
  }

  static void frame(wslay_event_context*, const wslay_event_on_frame_recv_start_arg*, void* user) noexcept {
    self(user).sink_.on_frame();
  }

  static void message(wslay_event_context*, const wslay_event_on_msg_recv_arg* arg, void* user) noexcept {
    self(user).on_message(*arg);
  }

  static constexpr wslay_event_callbacks kAll{.recv_callback = &receive,
                                              .send_callback = &send,
                                              .genmask_callback = nullptr,
                                              .on_frame_recv_start_callback = &frame,
                                              .on_frame_recv_chunk_callback = nullptr,
                                              .on_frame_recv_end_callback = nullptr,
                                              .on_msg_recv_callback = &message};
};

void Framing::Free::operator()(wslay_event_context* context) const noexcept { wslay_event_context_free(context); }

Framing::Framing(std::size_t max_message, FramingSink& sink) : sink_{sink} {
  wslay_event_context_ptr context = nullptr;
  need_memory(wslay_event_context_server_init(&context, &Callbacks::kAll, this));
  wslay_.reset(context);
  wslay_event_config_set_max_recv_msg_length(context, max_message);
}

Framing::~Framing() = default;

void Framing::receive(ByteView bytes) {
  input_ = bytes;
  // Violations queue a close frame and end reading: `is_reading` tells.
  need_memory(wslay_event_recv(wslay_.get()));
  input_ = {};
}

void Framing::on_message(const wslay_event_on_msg_recv_arg& message) {
  const ByteView bytes{message.msg, message.msg_length};
  if (message.opcode == WSLAY_PONG) return sink_.on_pong();
  if (closing_) return;
  if (message.opcode == WSLAY_CONNECTION_CLOSE) {
    const auto reason = bytes.size() > 2 ? text_of(bytes.subspan(2)) : std::string_view{};
    peer_close_ = Close{message.status_code == 0 ? kCloseNoCode : message.status_code, std::string{reason}};
  } else if (message.opcode == WSLAY_TEXT_FRAME || message.opcode == WSLAY_BINARY_FRAME) {
    sink_.on_message(message.opcode == WSLAY_TEXT_FRAME, bytes);
  }
}

void Framing::queue(std::uint8_t opcode, ByteView message) {
  const wslay_event_msg item{opcode, message.data(), message.size()};
  need_memory(wslay_event_queue_msg(wslay_.get(), &item));
}

void Framing::text(ByteView message) { queue(WSLAY_TEXT_FRAME, message); }
void Framing::binary(ByteView message) { queue(WSLAY_BINARY_FRAME, message); }
void Framing::ping() { queue(WSLAY_PING, {}); }

void Framing::close(std::uint16_t code, std::string_view reason) {
  const auto bytes = bytes_of(reason.substr(0, kMaxReason));
  need_memory(wslay_event_queue_close(wslay_.get(), code, bytes.data(), bytes.size()));
  closing_ = true;
}

void Framing::take(Bytes& out) {
  output_ = &out;
  need_memory(wslay_event_send(wslay_.get()));
  output_ = nullptr;
}

bool Framing::has_peer_closed() const { return wslay_event_get_close_received(wslay_.get()) != 0; }
bool Framing::is_reading() const { return wslay_event_get_read_enabled(wslay_.get()) != 0; }

std::optional<std::uint16_t> Framing::sent_close() const {
  if (wslay_event_get_close_sent(wslay_.get()) == 0) return std::nullopt;
  return wslay_event_get_status_code_sent(wslay_.get());
}

}  // namespace wzp::ws
