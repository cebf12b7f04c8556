import Tensors

/// A stage whose tensors were computed from inputs that have changed since: a stage that it read
/// has been run again with another result, or is stale itself.
public struct StaleStage: Sendable, Equatable {
  /// The stage's folder name.
  public let stage: String
  /// The stages among those it read that have changed, in order.
  public let changed: [String]

  /// Makes a stale stage from what has changed.
  public init(stage: String, changed: [String]) { (self.stage, self.changed) = (stage, changed) }

  /// Why it is stale: `computed from an earlier 4-roi`.
  public var reason: String {
    "computed from an earlier \(changed.joined(separator: " and "))"
  }
}

extension Trace {
  /// The stage in whose folder a file lies, or whose folder it is; nil where there is none.
  public func stage(holding path: String) -> String? {
    stages.first { name in
      let place = folder.appending(path: name).path
      return path == place || path.hasPrefix(place + "/")
    }
  }

  /// The stages that are stale, in the order in which they are to be run again.
  ///
  /// - Throws: `Fault` if a record is damaged.
  public func staleStages() throws -> [StaleStage] {
    var stale: [StaleStage] = []
    for name in stages {
      let changed = try stage(name).record.reads.filter { read, checksum in
        guard has(read) else { return false }
        return try stale.contains { $0.stage == read } || stage(read).checksum != checksum
      }
      if !changed.isEmpty { stale.append(StaleStage(stage: name, changed: changed.keys.sorted())) }
    }
    return stale
  }

  /// The names of the stages that are stale.
  ///
  /// - Throws: `Fault` if a record is damaged.
  public func outdatedStages() throws -> [String] { try staleStages().map(\.stage) }

  /// What a stage left, if it is not stale.
  ///
  /// - Throws: `Fault` as `stage`, and where the stage is stale.
  public func current(_ name: String) throws -> StageFolder {
    let found = try stage(name)
    guard try !staleStages().contains(where: { $0.stage == name }) else {
      throw Fault(
        found.folder.path, "a stage before this one has been run again since",
        remedy: "\(StageFolder.runAgain): \(found.command)")
    }
    return found
  }
}
