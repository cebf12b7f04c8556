import Commands

MaskRCNNCommand.start()
