import Foundation
import Tensors

/// A Mask R-CNN: its parameters, sorted into the parts of the network, and its settings.
public struct MaskRCNNModel: Sendable {
  /// What the weights' shapes say of the network.
  public var architecture: Architecture
  /// What they do not say.
  public var settings: ModelSettings
  /// Trunk and feature pyramid.
  public var backbone: Backbone
  /// Region proposal network.
  public var rpnHead: RPNHead
  /// Box head.
  public var boxHead: BoxHead
  /// Mask head.
  public var maskHead: MaskHead
}
