import torch
import torch.nn as nn
import torch.optim as optim
from torch.quantization import DeQuantStub, QuantStub


class QuantTransformerModel(nn.Module):
    def __init__(self, vocab_size, d_model, num_encoder_layers, num_decoder_layers):
        super(QuantTransformerModel, self).__init__()
        self.quant = QuantStub()
        self.transformer = nn.Transformer(
            d_model=d_model, nhead=8, num_encoder_layers=num_encoder_layers, num_decoder_layers=num_decoder_layers, dropout=0.0
        )
        self.fc = nn.Linear(d_model, vocab_size)
        self.dequant = DeQuantStub()

    def forward(self, src, tgt):
        src = self.quant(src)
        tgt = self.quant(tgt)
        output = self.transformer(src, tgt)
        output = self.fc(output)
        return self.dequant(output)


torch.manual_seed(0)
model = QuantTransformerModel(vocab_size=20, d_model=32, num_encoder_layers=2, num_decoder_layers=2)
src = torch.rand(6, 4, 32)  # (length, batch, d_model)
tgt = torch.rand(5, 4, 32)
target = torch.randint(0, 20, (5 * 4,))

criterion = nn.CrossEntropyLoss()
optimizer = optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
for step in range(4):
    optimizer.zero_grad()
    output = model(src, tgt)
    loss = criterion(output.view(-1, 20), target)
    loss.backward()
    optimizer.step()
    print("step %d loss: %.5f" % (step + 1, loss.item()))

model.eval()
with torch.no_grad():
    print(tuple(model(src, tgt).shape))
