#include "wzp/media/codec.hpp"

namespace wzp::media {

CodecTraits traits(CodecId codec) {
  switch (codec) {
    case CodecId::Opus24k: return {24'000, kFrameSamples, true};
    case CodecId::Opus16k: return {16'000, kFrameSamples, true};
    case CodecId::Opus6k: return {6'000, 2 * kFrameSamples, true};
    case CodecId::Codec2_3200: return {3'200, kFrameSamples, false};
    case CodecId::Codec2_1200: return {1'200, 2 * kFrameSamples, false};
    case CodecId::Opus32k: return {32'000, kFrameSamples, true};
    case CodecId::Opus48k: return {48'000, kFrameSamples, true};
    case CodecId::Opus64k: return {64'000, kFrameSamples, true};
    case CodecId::ComfortNoise: break;
  }
  return {0, kFrameSamples, false};
}

}  // namespace wzp::media
