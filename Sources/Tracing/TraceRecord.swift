/// What `trace.json` records of a trace: what was looked at, with which weights.
public struct TraceRecord: Codable, Sendable, Equatable {
  /// The version of this format.
  public static let currentFormat = 2

  /// The version of the format that the record was written in.
  public var format: Int = TraceRecord.currentFormat
  /// What wrote the trace.
  public var version: String
  /// The image that the trace is of, as a path from the trace's folder or an absolute one.
  public var image: String?
  /// CRC-32 of the image's file, by which it is found where the path leads nowhere.
  public var imageChecksum: String?
  /// The weights, likewise.
  public var weights: String?
  /// CRC-32 of their file.
  public var weightsChecksum: String?
  /// Settings that hold in place of the weight file's, by key; absent where none.
  public var settings: [String: String]?
  /// The settings as text, `score_threshold=0.3`, by key.
  public var settingsInWords: [String] {
    (settings ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
  }
  /// Where it is stored which objects there are; absent where nobody told.
  public var truth: Truth?
  /// What a reader should know before all else; absent where nothing.
  public var note: Note?
  /// The stages that are in the trace.
  public var stages: [String]

  /// Where it is stored which objects there are in the image.
  public struct Truth: Codable, Sendable, Equatable {
    /// A label map or a file in COCO's JSON format, as a path like the image's.
    public var file: String
    /// CRC-32 of the file.
    public var checksum: String?
    /// The image's number in the file; absent where its name tells.
    public var imageID: Int?
    /// The class of all objects, by name or number; absent where the file tells.
    public var label: String?
  }

  /// What a reader should know of a stage, such as a mistake that was made on purpose.
  public struct Note: Codable, Sendable, Equatable {
    /// The stage; the note goes when it is run again.
    public var stage: String
    /// The note, in sentences.
    public var text: String
    /// The mistake that was made on purpose, as `maskrcnn break` names it; absent where none was.
    public var mistake: String?
  }
}
