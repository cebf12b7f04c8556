import Commands
import Stage0Input

StageCommand<InputStage>.start()
