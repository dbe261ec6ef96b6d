// 16-bit PCM in a RIFF container: plays everywhere, and says how long it is.

/// @param samples mono, in [-1, 1]; what lies outside is clipped
export function encode_wav(samples: Float32Array, sample_rate: number): Blob {
  const header = new DataView(new ArrayBuffer(44));
  const data_bytes = samples.length * 2;
  const text = (at: number, word: string) => {
    for (let i = 0; i < word.length; ++i) header.setUint8(at + i, word.charCodeAt(i));
  };
  text(0, "RIFF");
  header.setUint32(4, 36 + data_bytes, true);
  text(8, "WAVEfmt ");
  header.setUint32(16, 16, true);
  header.setUint16(20, 1, true); // PCM
  header.setUint16(22, 1, true); // channels
  header.setUint32(24, sample_rate, true);
  header.setUint32(28, sample_rate * 2, true);
  header.setUint16(32, 2, true);
  header.setUint16(34, 16, true);
  text(36, "data");
  header.setUint32(40, data_bytes, true);
  const data = new DataView(new ArrayBuffer(data_bytes));
  samples.forEach((sample, i) => {
    const clipped = Math.max(-1, Math.min(1, sample));
    data.setInt16(i * 2, Math.round(clipped * 32767), true);
  });
  return new Blob([header.buffer, data.buffer], { type: "audio/wav" });
}
