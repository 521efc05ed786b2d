from django.db import migrations, models
from django.db.models.functions import Lower
from django.contrib.postgres.indexes import GinIndex, OpClass
import django.db.models.deletion

class Migration(migrations.Migration):
    dependencies = [('shop', '0001_initial')]
    operations = [
        migrations.AddIndex(model_name='order', index=models.Index(fields=['customer', '-id'], name='order_cust_idx')),
        migrations.AddIndex('order', models.Index(Lower('note').desc(), models.F('id').asc(nulls_last=True), OpClass(Lower('note'), name='text_pattern_ops'), name='order_low_idx', condition=models.Q(note__isnull=False), include=['customer'])),
        migrations.AlterField('order', 'note', models.CharField(max_length=3, db_index=True)),
        migrations.AlterField('customer', 'age', models.IntegerField(unique=True)),
        migrations.AlterUniqueTogether(name='customer', unique_together={('age', 'parent'), ('tag', 'number')}),
        migrations.RenameField('order', 'note', 'remark'),
        migrations.RenameModel('Order', 'Purchase'),
        migrations.AlterModelTable('purchase', 'buying'),
        migrations.AddIndex('purchase', models.Index(fields=['remark'], name='buy_rem_idx')),
        migrations.AddField('purchase', 'a_very_long_field_name_that_does_not_fit_into_a_name', models.CharField(max_length=9, db_index=True, default='')),
        migrations.RemoveIndex('purchase', 'buy_rem_idx'),
        migrations.RemoveField('purchase', 'tags'),
        migrations.DeleteModel('Unmanaged'),
    ]
