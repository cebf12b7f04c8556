import Foundation
import Tensors

/// Writes a file, in one part or two, so that it is there whole or not at all: beside its place,
/// then renamed.
///
/// - Throws: `Fault` if the folder cannot be written to.
public func writeWhole(
  _ bytes: [UInt8],
  then rest: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0),
  to file: URL
) throws {
  let draft = file.path + ".part"
  func fault() -> Fault {
    let reason = String(cString: strerror(errno)).lowercased()
    unlink(draft)
    return Fault(
      file.path, "the file cannot be written (\(reason))",
      remedy: "Free some space, or name another folder with --trace")
  }
  guard let stream = fopen(draft, "wb") else { throw fault() }
  var written = fwrite(bytes, 1, bytes.count, stream)
  if let base = rest.baseAddress, rest.count > 0 { written += fwrite(base, 1, rest.count, stream) }
  let isFlushed = fflush(stream) == 0
  let problem = errno
  let isClosed = fclose(stream) == 0
  guard written == bytes.count + rest.count, isFlushed else {
    errno = problem
    throw fault()
  }
  guard isClosed, rename(draft, file.path) == 0 else { throw fault() }
}

/// The system's message about a failed file operation, on one line.
func reason(of error: any Error) -> String {
  let underlying = (error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError
  if let code = (underlying ?? error as NSError).domain == NSPOSIXErrorDomain
    ? (underlying ?? error as NSError).code : nil
  {
    return String(cString: strerror(Int32(code))).lowercased()
  }
  return error.localizedDescription.replacing("\n", with: " ")
}

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
