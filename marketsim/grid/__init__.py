"""The feeder: networks, power flow, the gate, independent validation. pandapower and power-grid-model live here."""
