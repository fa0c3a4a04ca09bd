"""Operations that the recurrent layers share: scans, linear attention, the LSTM cell, padding."""
