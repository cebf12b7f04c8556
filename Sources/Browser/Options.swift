// The options of a session's stages, by the names that torchvision and this package give them.

import Inference
import Kernels
import Stage3Proposals
import Stage4RoI
import Stage5Heads
import Tensors

/// An operator and its options as numbers: 0 RoIPool, 1 RoIWarp, 2 RoIAlign.
func roiOperator(
  kind: Int32, samplingRatio: Int32, aligned: Int32, maximum: Int32
) throws(Fault) -> RoIOperator {
  guard (0...64).contains(samplingRatio) else {
    throw Fault("samplingRatio", "\(samplingRatio) is not from 0 to 64", remedy: "Give another")
  }
  switch kind {
  case 0: return .pool
  case 1: return .warp(samplingRatio: Int(samplingRatio), maximum: maximum != 0)
  case 2:
    return .align(
      samplingRatio: Int(samplingRatio), aligned: aligned != 0, maximum: maximum != 0)
  default: throw Fault("operator", "there is no operator \(kind)", remedy: "Give 0, 1 or 2")
  }
}

/// How both heads read RoIs.
@_expose(wasm, "session_operator") @_cdecl("session_operator")
public func sessionOperator(
  _ kind: Int32, _ samplingRatio: Int32, _ aligned: Int32, _ maximum: Int32
) -> Int32 {
  inSession { (session) throws(Fault) in
    session.network.roiOperator = try roiOperator(
      kind: kind, samplingRatio: samplingRatio, aligned: aligned, maximum: maximum)
    return []
  }
}

/// Sets an option, named in UTF-8, to a number.
@_expose(wasm, "session_option") @_cdecl("session_option")
public func sessionOption(_ name: UnsafePointer<UInt8>, _ length: Int32, _ value: Double) -> Int32 {
  inSession { (session) throws(Fault) in
    try session.set(option: text(name, length), value)
    return []
  }
}

extension Session {
  /// Sets an option.
  ///
  /// - Throws: `Fault` if there is none of this name, or the value makes no sense
  mutating func set(option name: String, _ value: Double) throws(Fault) {
    guard value >= 0, value <= 1e6 else {
      throw Fault(name, "the value is not from 0 to 1000000", remedy: "Give another value")
    }
    let count = Int(value.rounded())
    switch name {
    case "preNMSTopN": network.proposalOptions.preNMSTopN = count
    case "postNMSTopN": network.proposalOptions.postNMSTopN = count
    case "proposalNMSThreshold": network.proposalOptions.nmsThreshold = value
    case "proposalMinimumSize": network.proposalOptions.minimumSize = Float(value)
    case "scoreThreshold": network.detectionOptions.scoreThreshold = Float(value)
    case "detectionNMSThreshold": network.detectionOptions.nmsThreshold = value
    case "detectionMinimumSize": network.detectionOptions.minimumSize = Float(value)
    case "detectionsPerImage": network.detectionOptions.detectionsPerImage = count
    case "maskThreshold": maskThreshold = Float(value)
    case "plain": form = count == 0 ? .fast : .plain
    default: throw Fault(name, "there is no such option", remedy: "Give another name")
    }
  }
}
