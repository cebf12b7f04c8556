extension Exhibit {
  /// Every candidate that stage 3 looked at, and what suppressed it.
  static let suppression = Exhibit(
    name: "suppression",
    uses: ["shared/scene", "suppression/nms", "suppression/candidates", "shared/paged-list"],
    stage: "3-proposals", title: "Who was suppressed by whom",
    lead: """
      Many anchors find the same object. Non-maximum suppression (NMS) goes through the candidates \
      of a level from the highest score to the lowest; a candidate is suppressed if a better one \
      that stayed covers it, that is, if their intersection over union (IoU) is greater than the \
      threshold. Choose a candidate in the image or in the list to see by which box it was \
      suppressed, or which ones it suppressed. Then move the threshold.
      """
  ) { source, data in
    try CandidatesContent.gather(source, &data)
  }
}
