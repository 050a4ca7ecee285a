#pragma once

namespace wzp::quic {

/// Prepares wolfSSL for use by several threads. Cheap after the first call.
void init_tls();

}  // namespace wzp::quic
