// One image's way through the network, and the functions by which JavaScript moves it on.

import Inference
import Kernels
import Stage0Input
import Tensors

/// A network with what its stages have computed of one image. A stage reads tensors by name and
/// leaves tensors by name, so any stage can be run again, also on tensors that JavaScript set.
struct Session {
  var network: Network
  /// Plain or fast.
  var form = KernelForm.fast
  /// Over this, a pixel belongs to a mask.
  var maskThreshold: Float = 0.5
  private var tensors: [TensorName: [Tensor]] = [:]

  init(_ network: Network) { self.network = network }

  /// The tensors of a name, one per level, or one.
  ///
  /// - Throws: `Fault` if no stage has left them
  func all(_ name: TensorName) throws(Fault) -> [Tensor] {
    guard let found = tensors[name], !found.isEmpty else {
      throw Fault(
        name.rawValue, "no stage has computed it", remedy: "Run the stages before this one first")
    }
    return found
  }

  /// The tensor of a name.
  func one(_ name: TensorName) throws(Fault) -> Tensor { try all(name)[0] }

  mutating func set(_ name: TensorName, _ tensors: [Tensor]) { self.tensors[name] = tensors }
  mutating func set(_ name: TensorName, _ tensor: Tensor) { tensors[name] = [tensor] }

  /// Puts one level's tensor in its place.
  mutating func set(_ name: TensorName, place: Int, _ tensor: Tensor) {
    var levels = tensors[name] ?? []
    while levels.count <= place { levels.append(Tensor([0], [])) }
    levels[place] = tensor
    tensors[name] = levels
  }

  /// The image's sizes.
  func sizes() throws(Fault) -> InputSizes {
    let sides = try one(.sizes).values.map { Int($0) }
    return InputSizes(
      original: ImageSize(height: sides[0], width: sides[1]),
      resized: ImageSize(height: sides[2], width: sides[3]),
      padded: ImageSize(height: sides[4], width: sides[5]))
  }
}

nonisolated(unsafe) var session: Session?

/// Answers with what `body` makes of the session.
func inSession(_ body: (inout Session) throws(Fault) -> [Tensor]) -> Int32 {
  answering { () throws(Fault) in
    guard var current = session else {
      throw Fault("network", "there is no model", remedy: "Hand over weights first")
    }
    // Held by one owner alone while a stage runs, so that no tensor is copied.
    session = nil
    defer { session = current }
    return try body(&current)
  }
}

/// The number of names of tensors.
@_expose(wasm, "tensor_names") @_cdecl("tensor_names")
public func tensorNames() -> Int32 { Int32(TensorName.allCases.count) }

/// Answers with the name of a number as text.
@_expose(wasm, "tensor_name") @_cdecl("tensor_name")
public func tensorName(_ number: Int32) {
  answer = Answer(text: Array(TensorName.allCases[Int(number)].rawValue.utf8))
}

/// Answers with the tensors of a name, one per level, or one.
@_expose(wasm, "session_read") @_cdecl("session_read")
public func sessionRead(_ name: Int32) -> Int32 {
  inSession { (session) throws(Fault) in try session.all(TensorName.allCases[Int(name)]) }
}

/// Sets a tensor, at a level's place or at 0.
@_expose(wasm, "session_write") @_cdecl("session_write")
public func sessionWrite(
  _ name: Int32, _ place: Int32, _ elements: UnsafePointer<Float>,
  _ extents: UnsafePointer<Int32>, _ rank: Int32
) -> Int32 {
  inSession { (session) throws(Fault) in
    let shape = shape(extents, rank)
    session.set(
      TensorName.allCases[Int(name)], place: Int(place),
      Tensor(shape, floats(elements, shape.count)))
    return []
  }
}

/// Sets the image from RGBA bytes; alpha is not read.
@_expose(wasm, "session_image") @_cdecl("session_image")
public func sessionImage(_ rgba: UnsafePointer<UInt8>, _ width: Int32, _ height: Int32) -> Int32 {
  inSession { (session) throws(Fault) in
    let size = ImageSize(height: Int(height), width: Int(width))
    guard size.height > 0, size.width > 0 else {
      throw Fault("image", "there are no pixels", remedy: "Give another image")
    }
    let plane = size.height * size.width
    session.set(
      .image,
      Tensor(uninitialized: [3, size.height, size.width]) { target in
        for channel in 0..<3 {
          for pixel in 0..<plane {
            target[channel * plane + pixel] = Float(rgba[4 * pixel + channel]) / 255
          }
        }
      })  // [3, H0, W0]
    return []
  }
}
