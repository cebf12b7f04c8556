import Commands

LossesCommand.start()
