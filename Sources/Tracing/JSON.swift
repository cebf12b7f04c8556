import Foundation
import Tensors

func encodeJSON(_ value: some Encodable) throws -> [UInt8] {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
  encoder.nonConformingFloatEncodingStrategy = .convertToString(
    positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
  return [UInt8](try encoder.encode(value)) + [0x0a]
}

func decodeJSON<Value: Decodable>(
  _ bytes: [UInt8], name: String, remedy: String
) throws -> Value {
  let decoder = JSONDecoder()
  decoder.nonConformingFloatDecodingStrategy = .convertFromString(
    positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
  do {
    return try decoder.decode(Value.self, from: Data(bytes))
  } catch let error as DecodingError {
    throw Fault(name, describe(error), remedy: remedy)
  }
}

private func describe(_ error: DecodingError) -> String {
  switch error {
  case .keyNotFound(let key, _): "the entry \(key.stringValue) is missing"
  case .typeMismatch(_, let context), .valueNotFound(_, let context):
    context.codingPath.isEmpty
      ? "this is not a record"
      : "the entry \(context.codingPath.map(\.stringValue).joined(separator: ".")) is of the wrong kind"
  default: "this is not valid JSON"
  }
}
