/// Where weights come from: distinguishes traces that were made with different ones.
public struct WeightSource: Sendable, Equatable, CustomStringConvertible {
  /// The file's name without the folders, or what takes its place.
  public var name: String
  /// CRC-32 of the file's bytes; nil for weights that no file holds.
  ///
  /// It detects a file that was exchanged for another by accident: two different files have the same
  /// checksum with a probability of 2^-32. It does not protect against an attacker.
  public var checksum: String?

  /// Makes a source.
  public init(name: String, checksum: String?) {
    self.name = name
    self.checksum = checksum
  }

  /// Whether these are the same weights: by content where both are stored in a file, otherwise by name.
  public func isSame(as other: WeightSource) -> Bool {
    guard let checksum, let theirs = other.checksum else { return name == other.name }
    return checksum == theirs
  }

  /// `nuclei.safetensors (crc32 1c5bf8a0)`
  public var description: String { name + (checksum.map { " (crc32 \($0))" } ?? "") }
}
