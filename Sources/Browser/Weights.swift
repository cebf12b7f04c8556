// A model from the tensors of a weight file, whose header JavaScript has read, and from the settings
// in its metadata.

import Inference
import Model
import Tensors

/// The tensors and settings that JavaScript has handed over for the next model.
struct GivenModel {
  var tensors: [String: Tensor] = [:]
  var settings = GivenSettings()
}

nonisolated(unsafe) var given = GivenModel()

/// Begins a model.
@_expose(wasm, "model_begin") @_cdecl("model_begin")
public func modelBegin() { given = GivenModel() }

/// Hands over a tensor of the weight file.
///
/// - Parameters:
///   - name: torchvision's, in UTF-8; `nameLength` in bytes
///   - type: the element type's name as `ElementType` has it, `float16`; `typeLength` in bytes
///   - extents: `rank` of them
///   - bytes: the elements as the file has them, little-endian
@_expose(wasm, "model_tensor") @_cdecl("model_tensor")
public func modelTensor(
  _ name: UnsafePointer<UInt8>, _ nameLength: Int32, _ type: UnsafePointer<UInt8>,
  _ typeLength: Int32, _ extents: UnsafePointer<Int32>, _ rank: Int32,
  _ bytes: UnsafeRawPointer, _ byteCount: Int32
) -> Int32 {
  answering { () throws(Fault) in
    let (name, typeName) = (text(name, nameLength), text(type, typeLength))
    let remedy = "Save the weights again"
    guard let type = ElementType(rawValue: typeName) else {
      throw Fault(name, "elements of type \(typeName) are not read", remedy: remedy)
    }
    let sides = UnsafeBufferPointer(start: extents, count: Int(rank)).map { Int($0) }
    guard let shape = Shape(checking: sides), shape.count == Int(byteCount) / type.width,
      Int(byteCount) % type.width == 0
    else {
      throw Fault(name, "\(byteCount) bytes do not fill its shape", remedy: remedy)
    }
    given.tensors[name] = Tensor(
      shape, type.floats(in: UnsafeRawBufferPointer(start: bytes, count: Int(byteCount))))
    return []
  }
}

/// Makes the model of what was handed over; the session then begins again with it.
@_expose(wasm, "model_make") @_cdecl("model_make")
public func modelMake(_ name: UnsafePointer<UInt8>, _ length: Int32) -> Int32 {
  answering { () throws(Fault) in
    let (taken, name) = (given, text(name, length))
    given = GivenModel()
    let model = try MaskRCNNModel(
      tensors: taken.tensors, normEpsilon: taken.settings.normEpsilon, name: name
    ) { (layout) throws(Fault) in try taken.settings.settings(for: layout) }
    session = Session(Network(model))
    return []
  }
}
