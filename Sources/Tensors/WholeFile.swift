// Files that are there whole or not at all.

#if !hasFeature(Embedded)
  import Foundation

  /// How the names of files begin that are being written. A process that is killed leaves them.
  private let unfinishedFileStart = ".part-"

  /// Writes a file, in one part or two, so that it is there whole or not at all: beside its place,
  /// under a name that no other process uses, then renamed.
  ///
  /// - Throws: `Fault` if the folder cannot be written to.
  public func writeWhole(
    _ bytes: [UInt8],
    then rest: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0),
    to file: URL
  ) throws {
    var number = SystemRandomNumberGenerator()
    let draft = file.deletingLastPathComponent().appending(
      path: unfinishedFileStart + String(number.next() as UInt64, radix: 16)
    ).path
    func fault() -> Fault {
      Fault(
        file.path, "the file cannot be written (\(systemReason(errno)))",
        remedy: "Free some space, or name another place")
    }
    // x: an error where there is such a file already.
    guard let stream = fopen(draft, "wbx") else { throw fault() }
    let unfinished = Interruption.add { unlink(draft) }
    var written = fwrite(bytes, 1, bytes.count, stream)
    if let base = rest.baseAddress, rest.count > 0 {
      written += fwrite(base, 1, rest.count, stream)
    }
    let isFlushed = fflush(stream) == 0
    var problem = errno
    let isClosed = fclose(stream) == 0
    if isFlushed, !isClosed { problem = errno }
    let isWhole = written == bytes.count + rest.count && isFlushed && isClosed
    try Interruption.forget(unfinished) {
      if isWhole, rename(draft, file.path) == 0 { return }
      if isWhole { problem = errno }
      unlink(draft)
      errno = problem
      throw fault()
    }
  }

  /// Removes files that processes that were killed have left while they wrote them. Whoever calls it
  /// is the only one that writes to the folder.
  package func removeUnfinishedFiles(in folder: URL) {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    for name in names where name.hasPrefix(unfinishedFileStart) {
      unlink(folder.appending(path: name).path)
    }
  }

  /// The system's words for an error number, in small letters.
  package func systemReason(_ code: Int32) -> String {
    String(cString: strerror(code)).lowercased()
  }

  /// The system's message about a failed file operation, on one line.
  package func reason(of error: any Error) -> String {
    var cause = error as NSError
    while let deeper = cause.userInfo[NSUnderlyingErrorKey] as? NSError { cause = deeper }
    if cause.domain == NSPOSIXErrorDomain { return systemReason(Int32(cause.code)) }
    guard cause.domain == NSCocoaErrorDomain else {
      return cause.localizedDescription.replacing("\n", with: " ")
    }
    return switch CocoaError.Code(rawValue: cause.code) {
    case .fileNoSuchFile, .fileReadNoSuchFile: systemReason(ENOENT)
    case .fileReadNoPermission, .fileWriteNoPermission: systemReason(EACCES)
    case .fileWriteFileExists: systemReason(EEXIST)
    case .fileWriteOutOfSpace: systemReason(ENOSPC)
    case .fileWriteVolumeReadOnly: systemReason(EROFS)
    case .fileReadTooLarge: systemReason(EFBIG)
    case .fileReadInvalidFileName, .fileWriteInvalidFileName: systemReason(EINVAL)
    default: "error \(cause.code) of the file system"
    }
  }
#endif
