from django.db import migrations, models
import django.db.models.deletion
from django.conf import settings

class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.CreateModel(name='Tag', fields=[('code', models.CharField(max_length=9, primary_key=True, serialize=False)), ('label', models.TextField(db_index=True))]),
        migrations.CreateModel(
            name='Customer',
            fields=[
                ('id', models.BigAutoField(primary_key=True)),
                ('email', models.EmailField(max_length=254, unique=True)),
                ('slug', models.SlugField()),
                ('phone', models.CharField(max_length=20, db_index=True)),
                ('age', models.IntegerField(db_index=True)),
                ('number', models.IntegerField(unique=True)),
                ('home', models.CharField(max_length=10, db_column='HomeTown', db_index=True)),
                ('parent', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to='shop.customer', null=True)),
                ('tag', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to='shop.Tag', null=True)),
                ('other', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to='shop.Tag', db_index=False, related_name='+')),
                ('one', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, to='shop.Customer', related_name='+')),
            ],
            options={'db_table': 'shop_people', 'unique_together': {('age', 'parent')},
                     'indexes': [models.Index(fields=['parent', '-age'], name='shop_par_idx')],
                     'constraints': [models.UniqueConstraint(fields=['home', 'tag'], name='shop_home_uniq'), models.UniqueConstraint(condition=models.Q(age__gt=1), fields=['tag'], name='shop_tag_uniq')]},
        ),
        migrations.CreateModel(name='Unmanaged', fields=[('id', models.BigAutoField(primary_key=True)), ('a', models.IntegerField(db_index=True))], options={'managed': False}),
        migrations.CreateModel(name='Order', fields=[('id', models.BigAutoField(primary_key=True)), ('tags', models.ManyToManyField(to='shop.Tag')), ('peers', models.ManyToManyField(to='shop.Order')), ('note', models.CharField(max_length=3))]),
        migrations.AddField(model_name='order', name='customer', field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to='shop.Customer')),
    ]
