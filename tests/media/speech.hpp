#pragma once

#include "wzp/media/pcm.hpp"

namespace wzp::media::test {

/// Two people saying different things for about 12 s, mono at 48 kHz, made by espeak-ng. Without the program,
/// which is a declared dependency, the test that asks fails and says so.
const PcmClip& speech_of_ada();
const PcmClip& speech_of_bob();

}  // namespace wzp::media::test
