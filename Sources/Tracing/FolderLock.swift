// How a trace, or the folder of a training run, is written, so that it is usable or absent whenever
// the process ends:
//
// - A process that writes holds a lock (flock) on the folder itself. The system releases it when the
//   process ends, however it does. A second writer is refused.
// - A stage is written into a hidden folder of a new name, a draft, and renamed when it is complete.
//   A file likewise. `trace.json` is there before the first stage, so the folder is a trace.
// - Whoever holds the lock knows that every draft it finds is abandoned, and removes it. Process
//   numbers say nothing: in containers every process has number 1.

import Foundation
import Synchronization
import Tensors

/// The right to write to a folder, of one process at a time; given back when it is released.
public final class FolderLock: Sendable {
  /// The folder.
  public let folder: URL
  private let descriptor: Int32
  /// The folder and those around it that were made for the lock, the innermost first.
  private let made: [URL]
  private let unfinished: Int

  private struct Held: Sendable { weak let lock: FolderLock? }
  private static let held = Mutex<[String: Held]>([:])

  /// Locks a folder for this process; makes it where there is none.
  ///
  /// - Parameter option: the option of a command that names the folder, for errors
  /// - Throws: `Fault` if another process writes to it, or it cannot be made
  public static func hold(_ folder: URL, option: String) throws -> FolderLock {
    let key = folder.standardizedFileURL.resolvingSymlinksInPath().path
    return try held.withLock { held in
      if let lock = held[key]?.lock { return lock }
      let lock = try FolderLock(folder, option: option)
      held[key] = Held(lock: lock)
      return lock
    }
  }

  private init(_ folder: URL, option: String) throws {
    let made = missingFolders(to: folder)
    let remedy = "Name another with \(option), or mend its permissions"
    var (descriptor, isCurrent): (Int32, Bool) = (-1, false)
    // Another process may remove a folder that it made between the two.
    while !isCurrent {
      do {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      } catch {
        throw Fault(
          folder.path, "the folder cannot be written to (\(reason(of: error)))", remedy: remedy)
      }
      descriptor = open(folder.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
      guard descriptor >= 0 else {
        throw Fault(
          folder.path, "the folder cannot be written to (\(systemReason(errno)))", remedy: remedy)
      }
      // Where a file system has no such locks, there is no protection.
      if flock(descriptor, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK {
        close(descriptor)
        throw Fault(
          folder.relativePath, "another run is writing to this folder",
          remedy: "Wait until it has ended, or name another folder with \(option)")
      }
      isCurrent = Self.isSame(descriptor, folder)
      if !isCurrent { close(descriptor) }
    }
    (self.folder, self.descriptor, self.made) = (folder, descriptor, made)
    // rmdir takes only an empty folder.
    unfinished = Interruption.add { for folder in made { rmdir(folder.path) } }
  }

  deinit {
    Interruption.forget(unfinished) { for folder in made { rmdir(folder.path) } }
    close(descriptor)
  }

  private static func isSame(_ descriptor: Int32, _ folder: URL) -> Bool {
    var (opened, named) = (stat(), stat())
    return fstat(descriptor, &opened) == 0 && stat(folder.path, &named) == 0
      && opened.st_ino == named.st_ino && opened.st_dev == named.st_dev
  }
}

/// A folder and those around it that do not exist, the innermost first.
private func missingFolders(to folder: URL) -> [URL] {
  var missing: [URL] = []
  var folder = folder.absoluteURL.standardizedFileURL
  while folder.path != "/", !FileManager.default.fileExists(atPath: folder.path) {
    missing.append(folder)
    folder.deleteLastPathComponent()
  }
  return missing
}
